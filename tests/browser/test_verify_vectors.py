"""The page's checks in a real Chromium, on vectors that others made or that every version has to agree on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

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


_NO_ED25519 = {
    "a browser that does not know the curve": """() => {
      const known = SubtleCrypto.prototype.importKey;
      SubtleCrypto.prototype.importKey = function (format, key, algorithm, ...more) {
        if (algorithm === "Ed25519") throw new DOMException("unknown", "NotSupportedError");
        return known.call(this, format, key, algorithm, ...more);
      };
    }""",
    "a page that is no secure context": "() => Object.defineProperty(crypto, 'subtle', { value: undefined })",
}


@pytest.mark.parametrize("hide", _NO_ED25519.values(), ids=_NO_ED25519)
def test_browser_without_ed25519_judges_alike_by_the_library(hide: str, open_status: OpenPage) -> None:
    """Seal, receipts and the log's note, as they are and with one letter changed."""
    page = open_status(view=STATUSES["requested"])
    page.evaluate(hide)
    bundle = json.loads((VECTORS / "bundles" / "observed.json").read_text("utf-8"))
    script = """async (bundles) => {
      const { verifyBundle } = await import("/static/verify/verification.js");
      const said = [];
      for (const bundle of bundles) {
        const { checks } = await verifyBundle(JSON.stringify(bundle));
        said.push(checks.filter(({ result }) => result === "fail").map(({ number }) => number));
      }
      const loaded = performance.getEntriesByType("resource").map(({ name }) => name);
      return { said, isByLibrary: loaded.some((name) => name.includes("ed25519")) };
    }"""
    receipt, note, seal = (json.loads(json.dumps(bundle)) for _ in range(3))
    receipt["evidence"]["records"][0]["receipt"] = _other_letter(bundle["evidence"]["records"][0]["receipt"])
    note["evidence"]["checkpoint"]["note"] = _other_letter(bundle["evidence"]["checkpoint"]["note"])
    seal["seal"] = _other_letter(bundle["seal"])
    answer = page.evaluate(script, [bundle, receipt, note, seal])
    assert answer == {"said": [[], [0, 6], [0, 7], [0]], "isByLibrary": True}


def _other_letter(signed: str) -> str:
    """One letter of a signature, well before its end, is another."""
    at = len(signed) - 20
    return signed[:at] + ("A" if signed[at] != "A" else "B") + signed[at + 1 :]


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
