"""The verifier alone: with nothing installed but what requirements/verifier.txt names, a bundle can be checked."""

from __future__ import annotations

import importlib.metadata as installed
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUNDLES = ROOT / "tests" / "vectors" / "bundles"


def locked(path: Path) -> list[str]:
    """The packages of a lock file."""
    return re.findall(r"^([A-Za-z0-9._-]+)==", path.read_text("utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the base set, as if nothing else were installed."""
    folder = tmp_path_factory.mktemp("site")
    for name in locked(ROOT / "requirements" / "verifier.txt"):
        for file in installed.files(name) or []:
            top = file.parts[0]
            link, target = folder / top, Path(str(file.locate())).parents[len(file.parts) - 1] / top
            if top != ".." and not link.exists():
                link.symlink_to(target)
    (folder / "ledger_service").symlink_to(ROOT / "ledger_service")
    return folder


def ledger(site: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """`ledger` in an interpreter that finds the standard library and that folder, and nothing else."""
    program = (
        f"import sys; sys.path.append({str(site)!r}); sys.argv = ['ledger', *sys.argv[1:]];"
        "from ledger_service.__main__ import main; main()"
    )
    command = [sys.executable, "-I", "-S", "-B", "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_verify_needs_the_base_set_alone(site: Path) -> None:
    expected = json.loads((BUNDLES / "expected.json").read_text("utf-8"))["bundles"]["refunded"]
    path = BUNDLES / "refunded.json"
    done = ledger(site, "verify", path, "--json", "--block-hash", expected["block_hash"])
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert {str(check["number"]): check["result"] for check in report["checks"]} == expected["given_hash"]["checks"]


def test_verify_breach_needs_the_base_set_alone(site: Path, tmp_path: Path) -> None:
    expected = json.loads((BUNDLES / "expected.json").read_text("utf-8"))
    certificate, block_hash = tmp_path / "breach.jws", expected["bundles"]["silent"]["block_hash"]
    certificate.write_text(next(one["certificate"] for one in expected["breaches"] if one["of"] == "silent"), "ascii")
    asked = ("verify-breach", certificate, "--bundle", BUNDLES / "silent.json")
    done = ledger(site, *asked, "--block-hash", block_hash, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["finding"], said["bundle"], said["skipped"]) == ("confirmed", "verified", [7])
    assert ledger(site, *asked, "--block-hash", "0x" + "12" * 32).returncode == 1
    refused = ledger(site, *asked, "--rpc", "http://127.0.0.1:9")
    assert refused.returncode == 1
    assert "pip install 'after-sales-audit-ledger[rpc]'" in refused.stderr


def test_verify_shows_a_changed_bundle_as_failed(site: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.json"
    changed.write_text((BUNDLES / "refunded.json").read_text("utf-8").replace("20.00", "21.00", 1), "utf-8")
    done = ledger(site, "verify", changed)
    assert done.returncode == 1
    assert "failed" in done.stdout


def test_the_base_set_lacks_what_the_service_needs(site: Path) -> None:
    for module in ("fastapi", "web3", "sqlmodel", "typer", "httpx", "rich", "pydantic"):
        assert not list(site.glob(f"{module}*"))


@pytest.mark.parametrize("command", ["serve", "run", "audit", "nothing"])
def test_other_commands_say_what_is_missing(site: Path, command: str) -> None:
    done = ledger(site, command, "--data", "x")
    assert done.returncode == 1
    remedy = "pip install 'after-sales-audit-ledger[service]'"
    assert done.stderr == f"ledger: `ledger {command}` is part of the service. Install it: {remedy}\n"


def test_asking_a_chain_says_what_is_missing(site: Path) -> None:
    done = ledger(site, "verify", BUNDLES / "refunded.json", "--rpc", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "pip install 'after-sales-audit-ledger[rpc]'" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_without_a_command_it_says_how_to_verify(site: Path, arguments: tuple[str, ...]) -> None:
    done = ledger(site, *arguments)
    assert done.returncode == 0
    assert "ledger verify BUNDLE" in done.stdout


@pytest.mark.parametrize("command", ["verify", "verify-breach"])
def test_wrong_options_are_no_verdict(site: Path, command: str) -> None:
    done = ledger(site, command, BUNDLES / "refunded.json", "--nothing")
    assert (done.returncode, done.stdout) == (1, "")
    assert "ledger: " in done.stderr
