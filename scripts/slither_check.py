"""Run slither on the contracts: every high or medium finding stands in slither_accepted.json with its reason.

    scripts/slither_check.py            exit code 1 if a finding is not accepted, or an accepted one is gone
    scripts/slither_check.py --list     prints the findings in the form that slither_accepted.json has

The compiler of scripts/compile.py parses them. Mocks and libraries of others are left out.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import solcx
from compile import CONTRACTS, ROOT, SETTINGS, find_compiler

BUILD = ROOT / ".cache" / "slither"
ACCEPTED = Path(__file__).with_name("slither_accepted.json")
SLITHER = ROOT / ".venv-slither" / "bin" / "slither"
LEFT_OUT = "node_modules/"

Finding = tuple[str, str, str]  # detector, where, the expression it names


def write_build() -> None:
    """What slither reads instead of compiling: sources and syntax trees, without the code, which takes minutes."""
    sources = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in CONTRACTS.rglob("*.sol")}
    wanted = {"*": {"*": ["abi"], "": ["ast"]}}
    request = {
        "language": "Solidity",
        "sources": {name: {"content": content} for name, content in sources.items() if "/mocks/" not in name},
        "settings": {**SETTINGS, "outputSelection": wanted},
    }
    compiler = find_compiler()
    output = solcx.compile_standard(request, base_path=str(ROOT), solc_binary=compiler)
    code = {"object": "", "sourceMap": ""}
    for contracts in output["contracts"].values():
        for contract in contracts.values():
            contract["evm"] = {"bytecode": code, "deployedBytecode": code}
    BUILD.mkdir(parents=True, exist_ok=True)
    build = {"solcVersion": compiler.name.removeprefix("solc-v"), "input": request, "output": output}
    (BUILD / "contracts.json").write_text(json.dumps(build), encoding="utf-8")


def run_slither() -> list[dict[str, Any]]:
    """Slither's high and medium findings as it writes them; RuntimeError in its own words if it fails."""
    write_build()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "findings.json"
        levels = ["--exclude-low", "--exclude-informational", "--exclude-optimization", "--exclude-dependencies"]
        build = ["--ignore-compile", "--foundry-build-info-directory", BUILD.relative_to(ROOT).as_posix()]
        command = [str(SLITHER), ".", "--compile-force-framework", "foundry", *build, *levels, "--fail-none"]
        done = subprocess.run(  # noqa: S603  # what is run stands here
            [*command, "--filter-paths", LEFT_OUT, "--json", str(report)],
            cwd=ROOT,
            env={**os.environ, "PATH": f"{SLITHER.parent}:{os.environ['PATH']}"},  # noqa: TID251
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
