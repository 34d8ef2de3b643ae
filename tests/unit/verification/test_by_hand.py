"""The lines by which docs/verification.md checks a bundle by hand: they run, and they find what was changed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
BUNDLES = ROOT / "tests" / "vectors" / "bundles"
EXPECTED = json.loads((BUNDLES / "expected.json").read_text("utf-8"))["bundles"]
(LINES,) = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "verification.md").read_text("utf-8"), re.S | re.M)


def run(bundle: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "case.json").write_text(json.dumps(bundle), "utf-8")
    monkeypatch.chdir(folder)
    exec(compile(LINES, "docs/verification.md", "exec"), {})


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_lines_lead_to_the_hash_of_the_newest_block(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(json.loads((BUNDLES / f"{name}.json").read_text("utf-8")), tmp_path, monkeypatch)
    assert capsys.readouterr().out.strip().endswith(f" {EXPECTED[name]['block_hash']}")


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("member", ["records", "links", "state_proof"])
def test_lines_find_what_was_changed(member: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = json.loads((BUNDLES / "ruled.json").read_text("utf-8"))
    evidence = bundle["evidence"]
    if member == "records":
        evidence["records"][1]["canonical"] += " "
    elif member == "links":
        del evidence["links"][-1]
    else:
        evidence["state_proof"]["case_head"] = evidence["state_proof"]["case_word"]
    with pytest.raises(AssertionError):
        run(bundle, tmp_path, monkeypatch)
