"""Compile the contracts and keep what the service needs of them: ABI and bytecode.

    scripts/compile.py            writes ledger_service/chain/artifacts/<Contract>.json
    scripts/compile.py --check    changes nothing; exit code 1 if the committed files differ,
                                  or if the compiler warns about a source of ours

Both print each contract's size and fail where one is larger than a chain takes (EIP-170).

The settings are foundry.toml's and brownie-config.yaml's too. No metadata hash is appended, so
that the bytecode depends on the code alone, not on comments or on where the sources lie.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import solcx

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
ARTIFACTS = ROOT / "ledger_service" / "chain" / "artifacts"
MOST_CODE = 24_576  # bytes
EXTRA_SOURCES = (CONTRACTS / "mocks" / "TestToken.sol", *sorted((CONTRACTS / "mocks" / "bench").glob("*.sol")))

SETTINGS = {
    "evmVersion": "paris",
    "optimizer": {"enabled": True, "runs": 200},
    "viaIR": True,
    "metadata": {"appendCBOR": False, "bytecodeHash": "none"},
    "remappings": ["@openzeppelin/=node_modules/@openzeppelin/"],
    "outputSelection": {
        "*": {
            "*": [
                "abi",
                "evm.bytecode.object",
                "evm.deployedBytecode.object",
                "evm.deployedBytecode.immutableReferences",
            ]
        }
    },
}


def find_compiler() -> Path:
    """The one pinned compiler, by the name that carries its version."""
    (compiler,) = sorted((ROOT / "scripts" / "solc").glob("solc-v*"))
    return compiler


def find_sources() -> list[Path]:
    return sorted(CONTRACTS.glob("*.sol")) + [path for path in EXTRA_SOURCES if path.exists()]


def compile_sources(sources: list[Path], compiler: Path) -> dict[str, Any]:
    """Standard JSON in, standard JSON out; a compiler error is raised as solcx's SolcError."""
    names = {path.relative_to(ROOT).as_posix(): path for path in sources}
    output: dict[str, Any] = solcx.compile_standard(
        {
            "language": "Solidity",
            "sources": {name: {"content": path.read_text(encoding="utf-8")} for name, path in names.items()},
            "settings": SETTINGS,
        },
        base_path=str(ROOT),
        solc_binary=compiler,
    )
    return {
        "contracts": [output["contracts"].get(name, {}) for name in names],
        "warnings": [
            warning["formattedMessage"]
            for warning in output.get("errors", [])
            if not warning.get("sourceLocation", {}).get("file", "").startswith("node_modules/")
        ],
    }


def render_artifacts(compiled: dict[str, Any], compiler: Path) -> dict[str, str]:
    """One stable JSON text for each contract that can be deployed, by file name."""
    artifacts = {}
    for source in compiled["contracts"]:
        for contract, output in source.items():
            bytecode = output["evm"]["bytecode"]["object"]
            if not bytecode:
                continue
            deployed = output["evm"]["deployedBytecode"]
            artifact = {
                "contract": contract,
                "compiler": compiler.name.removeprefix("solc-v"),
                "abi": output["abi"],
                "bytecode": "0x" + bytecode,
                "deployedBytecode": "0x" + deployed["object"],
                "immutableReferences": deployed.get("immutableReferences", {}),
            }
            text = json.dumps(artifact, indent=1, sort_keys=True, ensure_ascii=True)
            artifacts[f"{contract}.json"] = text + "\n"
    return artifacts


def find_drift(artifacts: dict[str, str]) -> list[str]:
    """What stands between the committed files and a fresh build, a line each."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in ARTIFACTS.glob("*.json")}
    drift = []
    for name in sorted(artifacts.keys() | committed.keys()):
        if name not in committed:
            drift.append(f"{name} is missing")
        elif name not in artifacts:
            drift.append(f"{name} has no contract any more")
        elif artifacts[name] != committed[name]:
            drift.append(f"{name} is not what its contract compiles to")
    return drift


def report_sizes(artifacts: dict[str, str]) -> bool:
    """Prints each contract's bytes of code and the room left. False where one has none."""
    fits = True
    for text in artifacts.values():
        artifact = json.loads(text)
        size = len(artifact["deployedBytecode"]) // 2 - 1
        fits = fits and size <= MOST_CODE
        print(f"{artifact['contract']:<20} {size:>6} bytes of code, {MOST_CODE - size:>6} left")
    return fits


def write_artifacts(artifacts: dict[str, str]) -> None:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    for path in ARTIFACTS.glob("*.json"):
        if path.name not in artifacts:
            path.unlink()
    for name, text in artifacts.items():
        (ARTIFACTS / name).write_text(text, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description="Compile the contracts.")
    parser.add_argument("--check", action="store_true", help="only compare with the committed")
    check: bool = parser.parse_args().check

    sources, compiler = find_sources(), find_compiler()
    if not sources:
        print(f"no contract found in {CONTRACTS}", file=sys.stderr)
        return 1
    try:
        compiled = compile_sources(sources, compiler)
    except solcx.exceptions.SolcError as error:
        print(error, file=sys.stderr)
        return 1
    artifacts = render_artifacts(compiled, compiler)
    print("".join(compiled["warnings"]), end="", file=sys.stderr)
    if not report_sizes(artifacts):
        print(f"a chain takes no contract of more than {MOST_CODE} bytes", file=sys.stderr)
        return 1
    if not check:
        write_artifacts(artifacts)
        print(f"{len(artifacts)} contracts compiled into {ARTIFACTS.relative_to(ROOT)}")
        return 0
    drift = find_drift(artifacts)
    if compiled["warnings"]:
        print("the compiler warns about our own sources: see above", file=sys.stderr)
    if drift:
        print("\n".join(drift), file=sys.stderr)
        print("run .venv/bin/python scripts/compile.py and commit the result", file=sys.stderr)
    if drift or compiled["warnings"]:
        return 1
    print(f"{len(artifacts)} contracts: the committed artifacts are up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
