"""The page's checks in a real Chromium, on vectors that others made or that every version has to agree on."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import OpenPage
from .dispute_statuses import STATUSES
from .stub import ROOT

VECTORS = ROOT / "tests" / "vectors"


def test_browser_judges_every_real_bundle_as_expected(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["requested"])
    expected = json.loads((VECTORS / "bundles" / "expected.json").read_text("utf-8"))["bundles"]
    script = """async ([text, blockHash]) => {
      const { verifyBundle } = await import("/static/verify/verification.js");
      const { verdict, checks } = await verifyBundle(text, { blockHash });
      return { verdict, checks: Object.fromEntries(checks.map(({ number, result }) => [number, result])) };
    }"""
    for name, said in expected.items():
        text = (VECTORS / "bundles" / f"{name}.json").read_text("utf-8")
        assert page.evaluate(script, [text, None]) == said["alone"], name
        assert page.evaluate(script, [text, said["block_hash"]]) == said["given_hash"], name


def test_browser_agrees_with_every_golden_vector(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["requested"])
    golden = json.loads((VECTORS / "golden.json").read_text("utf-8"))
    folder = ROOT / "ledger_service" / "policies"
    policies = {path.stem: json.loads(path.read_text("utf-8")) for path in folder.glob("*.json")}
    messages = golden["messages"]
    script = (Path(__file__).parent / "golden_vectors.js").read_text("utf-8")
    assert page.evaluate(script, {"golden": golden, "policies": policies}) == {
        "record": golden["record"]["commitment"],
        "disclosure": golden["record"]["disclosure"]["digest"],
        **{name: messages[name] for name in ("domains", "parties", "case_id", "open", "acts", "vote")},
        "document": golden["votes"]["commitment"],
        "ballot": golden["votes"]["ballot"],
        "entries": golden["chain"]["entries"],
        "head": golden["chain"]["head"],
        "policies": golden["policies"],
    }


def test_browser_writes_canonical_json_as_the_known_answers(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["requested"])
    script = """async (text) => {
      const [{ canonicalBytes }, { parseJson }] = await Promise.all([
        import("/static/verify/canonical.js"), import("/static/verify/strict_json.js"),
      ]);
      return new TextDecoder().decode(canonicalBytes(parseJson(text)));
    }"""
    for path in (VECTORS / "jcs").glob("*.input.json"):
        answer = path.with_name(path.name.replace("input", "output")).read_text("utf-8")
        assert page.evaluate(script, path.read_text("utf-8")) == answer.strip(), path.name


def test_browser_judges_inclusion_proofs_as_the_known_answers(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["requested"])
    cases = json.loads((VECTORS / "merkle" / "inclusion.json").read_text("utf-8"))
    script = """async (cases) => {
      const { verifyInclusion } = await import("/static/verify/merkle.js");
      const { toHex } = await import("/static/verify/bytes.js");
      const hex = (text) => toHex(Uint8Array.from(atob(text ?? ""), (letter) => letter.charCodeAt(0)));
      return cases.map(({ leafIdx: index, treeSize: size, root, leafHash, proof }) =>
        verifyInclusion({ index, size, leaf: hex(leafHash), proof: (proof ?? []).map(hex), root: hex(root) }));
    }"""
    wanted = [not case["wantErr"] for case in cases]
    assert page.evaluate(script, cases) == wanted


def test_browser_judges_consistency_proofs_as_the_known_answers(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["requested"])
    cases = json.loads((VECTORS / "merkle" / "consistency.json").read_text("utf-8"))
    script = """async (cases) => {
      const { verifyConsistency } = await import("/static/verify/merkle.js");
      const { toHex } = await import("/static/verify/bytes.js");
      const hex = (text) => toHex(Uint8Array.from(atob(text ?? ""), (letter) => letter.charCodeAt(0)));
      return cases.map(({ size1: first, size2: second, root1, root2, proof }) => {
        const roots = { firstRoot: hex(root1), secondRoot: hex(root2) };
        return verifyConsistency({ first, second, ...roots, proof: (proof ?? []).map(hex) });
      });
    }"""
    wanted = [not case["wantErr"] for case in cases]
    assert page.evaluate(script, cases) == wanted
