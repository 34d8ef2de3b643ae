"""Run slither on the contracts: every high or medium finding stands in slither_accepted.json with its reason.

    scripts/slither_check.py            exit code 1 if a finding is not accepted, or an accepted one is gone
    scripts/slither_check.py --list     prints the findings in the form that slither_accepted.json has

It compiles through forge (`PATH` holds it) into a folder of its own. Mocks and libraries of others are left out.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
ACCEPTED = Path(__file__).with_name("slither_accepted.json")
SLITHER = ROOT / ".venv-slither" / "bin" / "slither"
LEFT_OUT = r"node_modules/|contracts/mocks/|tests/"

Finding = tuple[str, str, str]  # detector, where, the expression it names


def run_slither() -> list[dict[str, Any]]:
    """Slither's high and medium findings as it writes them; RuntimeError in its own words if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "findings.json"
        compiled = {
            "FOUNDRY_PROFILE": "contracts",
            "FOUNDRY_OUT": ".cache/slither/out",
            "FOUNDRY_CACHE_PATH": ".cache/slither/cache",
        }
        levels = ["--exclude-low", "--exclude-informational", "--exclude-optimization", "--exclude-dependencies"]
        command = [str(SLITHER), ".", "--compile-force-framework", "foundry", *levels, "--fail-none"]
        done = subprocess.run(  # noqa: S603  # what is run stands here
            [*command, "--filter-paths", LEFT_OUT, "--json", str(report)],
            cwd=ROOT,
            env={**os.environ, **compiled, "PATH": f"{SLITHER.parent}:{os.environ['PATH']}"},  # noqa: TID251
            capture_output=True,
            text=True,
            check=False,
        )
        answer = json.loads(report.read_text(encoding="utf-8")) if report.exists() else {}
    if not answer.get("success"):
        raise RuntimeError(answer.get("error") or done.stderr[-4000:])
    print(done.stderr.strip().rsplit("\n", 1)[-1])
    findings: list[dict[str, Any]] = answer["results"].get("detectors", [])
    return findings


def name(finding: dict[str, Any]) -> Finding:
    """What a finding is about, in words that stay when lines move."""
    elements = finding["elements"]
    first = elements[0]
    where = first["type_specific_fields"].get("signature", first["name"])
    contract = first["type_specific_fields"].get("parent", {}).get("name", "")
    nodes = [element["name"] for element in elements if element["type"] == "node"]
    return finding["check"], f"{contract}.{where}", nodes[0] if nodes else ""


def read_accepted() -> set[Finding]:
    """The accepted findings; ValueError if one has no reason."""
    entries = json.loads(ACCEPTED.read_text(encoding="utf-8"))
    for entry in entries:
        if len(entry["reason"]) < 20:
            raise ValueError(f"{entry['where']}: say why the finding is accepted")
    return {(entry["detector"], entry["where"], entry["expression"]) for entry in entries}


def main() -> int:
    parser = argparse.ArgumentParser(description="Run slither on the contracts.")
    parser.add_argument("--list", action="store_true", help="print the findings in the form of slither_accepted.json")
    listing: bool = parser.parse_args().list

    findings = {name(finding): finding for finding in run_slither()}
    if listing:
        keys = ("detector", "where", "expression", "reason")
        print(json.dumps([dict(zip(keys, (*key, ""), strict=True)) for key in sorted(findings)], indent=1))
        return 0
    accepted = read_accepted()
    for key in sorted(findings.keys() - accepted):
        print(f"not accepted ({findings[key]['impact']}): {findings[key]['description']}", file=sys.stderr)
    for key in sorted(accepted - findings.keys()):
        print(f"accepted, but found no more; take it out of {ACCEPTED.name}: {key}", file=sys.stderr)
    if findings.keys() != accepted:
        return 1
    print(f"slither: {len(findings)} high or medium findings, each accepted with its reason in scripts/{ACCEPTED.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
