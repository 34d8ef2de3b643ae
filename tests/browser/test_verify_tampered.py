"""Every way of tampering that Python's checks are held to, judged in a real Chromium: the same verdict, and the same
checks fail."""

from __future__ import annotations

import importlib.util
import json
from typing import Any

from playwright.sync_api import Page
from unit.verification.tampered import SEALS, TAMPERED, UNREADABLE
from unit.verification.tampers import BUNDLES, bundle, newest, resealed

from .conftest import OpenPage
from .dispute_statuses import STATUSES
from .judging import in_python
from .stub import ROOT

EXPECTED = BUNDLES["expected"]
_AT_ONCE = 20
_SCRIPT = """async (tasks) => {
  const [{ verifyBundle }, { InvalidInput }] = await Promise.all([
    import("/static/verify/verification.js"), import("/static/verify/errors.js"),
  ]);
  const said = [];
  for (const { text, blockHash } of tasks) {
    try {
      const { verdict, checks } = await verifyBundle(text, { blockHash });
      said.push({ verdict, failed: checks.filter(({ result }) => result === "fail").map(({ number }) => number) });
    } catch (error) {
      if (!(error instanceof InvalidInput)) throw error;
      said.push({ refused: error.field.replace(/^evidence[.]/, "") });
    }
  }
  return said;
}"""


def in_page(page: Page, bundles: list[tuple[Any, str]]) -> list[Any]:
    """What the page says of each bundle with its block's hash, in short."""
    tasks = [{"text": json.dumps(made), "blockHash": block_hash} for made, block_hash in bundles]
    parts = [tasks[at : at + _AT_ONCE] for at in range(0, len(tasks), _AT_ONCE)]
    return [said for part in parts for said in page.evaluate(_SCRIPT, part)]


def short(made: Any, block_hash: str) -> Any:
    """The same of Python's."""
    said = in_python(made, None, block_hash)
    if "refused" in said:
        return said
    return {"verdict": said["verdict"], "failed": [one["number"] for one in said["checks"] if one["result"] == "fail"]}


def made_of(of: str, tamper: Any, *, sealed: bool = True) -> tuple[Any, str]:
    made = bundle(of)
    tamper(made["evidence"] if sealed else made)
    return (resealed(made["evidence"]) if sealed else made), newest(of)


def test_browser_finds_every_way_of_tampering_by_the_same_checks(open_status: OpenPage) -> None:
    ways = {name: made_of(of, tamper) for name, (of, tamper, *_) in TAMPERED.items()}
    ways |= {name: made_of("ruled", tamper, sealed=False) for name, (tamper, _) in SEALS.items()}
    ways |= {name: made_of("ruled", tamper) for name, (tamper, _) in UNREADABLE.items()}
    said = in_page(open_status(view=STATUSES["requested"]), list(ways.values()))
    wanted = {name: short(*made) for name, made in ways.items()}
    assert dict(zip(ways, said, strict=True)) == wanted
    assert all("refused" in one or one["failed"] for one in wanted.values())


def test_browser_judges_the_tampered_vectors_as_they_say(open_status: OpenPage) -> None:
    vectors = _vectors()
    tampered = EXPECTED["tampered"]
    bundles = [(vectors.applied(BUNDLES[one["of"]], one["set"]), one["block_hash"]) for one in tampered]
    for one, (made, block_hash) in zip(tampered, bundles, strict=True):
        assert vectors.judged(made, block_hash) == one["given_hash"], one["name"]
    said = in_page(open_status(view=STATUSES["requested"]), bundles)
    assert said == [short(*made) for made in bundles]


def _vectors() -> Any:
    """The program that writes the vectors, which knows how to read them too."""
    spec = importlib.util.spec_from_file_location("bundle_vectors", ROOT / "tests/vectors/bundles/regenerate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
