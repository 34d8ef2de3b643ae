"""`ledger verify`: what it prints and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ledger_service.cli import main
from ledger_service.domain.vocabulary import Kind, Role

from .builder import TOKENS, opened, paid, seal


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, arguments)])


def write(folder: Path, value: Any) -> Path:
    path = folder / "bundle.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"format": 1, "format": 2}', "[" * 100_000])
def test_verify_file_that_is_no_bundle_exits_1(tmp_path: Path, content: str) -> None:
    assert run(write(tmp_path, content)).exit_code == 1


def test_verify_missing_file_exits_1(tmp_path: Path) -> None:
    found = run(tmp_path / "nothing.json")
    assert found.exit_code == 1
    assert "cannot be read" in found.stderr


def test_verify_block_hash_that_is_none_exits_1(tmp_path: Path) -> None:
    path = write(tmp_path, seal(paid().evidence().as_json()))
    assert run(path, "--block-hash", "0x12").exit_code == 1


def test_verify_unreachable_chain_exits_2(tmp_path: Path) -> None:
    path = write(tmp_path, seal(paid().evidence().as_json()))
    found = run(path, "--rpc", "http://127.0.0.1:9")
    assert found.exit_code == 2
    assert "pending" in found.stdout


def test_verify_changed_bundle_exits_1(tmp_path: Path) -> None:
    bundle = seal(paid().evidence().as_json())
    path = write(tmp_path, json.dumps(bundle).replace("as usual", "as never", 1))
    found = run(path, "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout)["verdict"] == "failed"


def test_verify_waiting_record_exits_2(tmp_path: Path) -> None:
    life = opened()
    life.stated(Kind.AUTHORISED, Role.MERCHANT)
    assert run(write(tmp_path, seal(life.evidence().as_json()))).exit_code == 2


def test_verify_good_bundle_exits_0_and_names_what_was_skipped(tmp_path: Path) -> None:
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps(TOKENS.jwks()), encoding="utf-8")
    found = run(write(tmp_path, seal(paid().evidence().as_json())), "--jwks", keys)
    assert found.exit_code == 0, found.output
    assert "verified, with skipped checks 4, 5, 6, 7" in found.stdout
