"""The memory of checkpoints: a service that shows two logs is found out by whoever saw the first."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger_service.commands.verify import verify
from ledger_service.domain.checkpoint import Checkpoint, keys_of, origin_of, read_checkpoint, sign_checkpoint
from ledger_service.domain.evidence import Evidence
from ledger_service.domain.hashing import hex0x
from ledger_service.domain.merkle import MerkleTree, leaf_hash
from ledger_service.domain.messages import anchor_domain, observation_hash
from ledger_service.domain.observations import AnchoredCheckpoint, AnchorPlace, Observation
from ledger_service.domain.records import make_record
from ledger_service.domain.signatures import sign_digest
from ledger_service.domain.times import from_chain
from ledger_service.domain.vocabulary import Role
from ledger_service.tokens import TokenService
from ledger_service.verification import verify_bundle

from .builder import _KEYS, ESCROW, TOKENS, Life, paid, seal

_ANCHOR = ESCROW  # any address will do
_LIFE: Life = paid()


def entry(number: int, log: str = "one") -> bytes:
    return sha256(f"{log} {number}".encode()).digest()


def observed(life: Life, size: int, log: str = "one") -> Evidence:
    """The evidence with one observation, the last of a log of this size; `log` says what the others are."""
    record = make_record(
        case_id=life.case_id,
        kind="scanned",
        role=Role.CARRIER,
        signer=life.parties.carrier,
        key="service",
        occurred_at=from_chain(life.now),
        data={"place": "Leeds"},
        disclosures=[],
        salt=bytes(16),
    )
    tree = MerkleTree(leaf_hash(entry(number, log)) for number in range(size - 1))
    tree.append(leaf_hash(record.commitment))
    digest = anchor_domain(1337, _ANCHOR).digest(observation_hash(life.case_id, record.commitment))
    place = AnchorPlace(life.links[0].place.block, life.links[0].place.tx_hash, 99)
    anchored_at = life.blocks[place.block].time
    claims = {**life._receipt("obs_1", record.commitment), "contract": _ANCHOR, "iat": anchored_at - 60}
    note = sign_checkpoint(Checkpoint(origin_of("https://shop.example", _ANCHOR), size, tree.root()), TOKENS)
    return replace(
        life.evidence(),
        observations=(
            Observation(
                observation_id="obs_1",
                canonical=record.canonical.decode(),
                commitment=record.commitment,
                signature=sign_digest(_KEYS[Role.CARRIER], digest),
                disclosures=(),
                receipt=TOKENS.sign("receipt+jwt", claims),
                index=size - 1,
                proof=tuple(tree.inclusion_proof(size - 1)),
            ),
        ),
        checkpoint=AnchoredCheckpoint(_ANCHOR, note, place),
    )


class Verifier:
    """Somebody who verifies one bundle after the other, with a memory."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.memory, self._capsys = folder, folder / "state" / "checkpoints.json", capsys

    def sees(self, evidence: Evidence, *options: str) -> tuple[int, str, str]:
        """Exit code, result and detail of check 7."""
        path = self.folder / "bundle.json"
        path.write_text(json.dumps(seal(evidence.as_json())), "utf-8")
        code = verify([str(path), "--seen", str(self.memory), "--json", *options])
        checks = json.loads(self._capsys.readouterr().out)["checks"]
        return code, checks[7]["result"], checks[7]["detail"]

    @property
    def sizes(self) -> list[int]:
        return [one["size"] for one in json.loads(self.memory.read_text("utf-8"))["logs"].values()]


@pytest.fixture
def verifier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Verifier:
    return Verifier(tmp_path, capsys)


@contextmanager
def served(tree: MerkleTree) -> Iterator[str]:
    """A service that proves what its log's tree proves."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            proof = tree.consistency_proof(int(asked["first"][0]), int(asked["second"][0]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"proof": [hex0x(node) for node in proof]}).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def grown_from(first: int, second: int) -> MerkleTree:
    """The log of `second` whose first entries are those of `observed(_LIFE, first)`, and whose last is its own."""
    commitment = observed(_LIFE, 1).observations[0].commitment
    entries = [commitment if number in (first - 1, second - 1) else entry(number) for number in range(second)]
    return MerkleTree(leaf_hash(one) for one in entries)


def grown(first: int, second: int) -> Evidence:
    """Evidence under the checkpoint of that log."""
    tree, evidence = grown_from(first, second), observed(_LIFE, second)
    note = sign_checkpoint(Checkpoint(origin_of("https://shop.example", _ANCHOR), second, tree.root()), TOKENS)
    assert evidence.checkpoint is not None
    one = replace(evidence.observations[0], proof=tuple(tree.inclusion_proof(second - 1)))
    return replace(evidence, observations=(one,), checkpoint=replace(evidence.checkpoint, note=note))


_OTHER = TokenService([Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))])


def renamed(evidence: Evidence, url: str) -> Evidence:
    """The same under a checkpoint in another name, by another key of the service's."""
    keys, given = [*TOKENS.jwks()["keys"], *_OTHER.jwks()["keys"]], evidence.checkpoint
    assert given is not None
    read = read_checkpoint(given.note or "", keys_of(evidence.jwks))
    note = sign_checkpoint(replace(read, origin=origin_of(url, _ANCHOR)), _OTHER)
    return replace(evidence, jwks={"keys": keys}, checkpoint=replace(given, note=note))


def test_first_checkpoint_is_remembered(verifier: Verifier) -> None:
    code, result, detail = verifier.sees(observed(_LIFE, 5))
    assert (code, result, verifier.sizes) == (0, "skipped", [5])
    assert "first checkpoint of this log that you see" in detail
    assert verifier.sees(observed(_LIFE, 5))[:2] == (0, "skipped")


def test_another_log_of_the_same_size_is_refused(verifier: Verifier) -> None:
    verifier.sees(observed(_LIFE, 5))
    code, result, detail = verifier.sees(observed(_LIFE, 5, "another"))
    assert (code, result, verifier.sizes) == (1, "fail", [5])
    assert "one of the two hides something" in detail


@pytest.mark.parametrize("size", [3, 9])
def test_log_of_another_size_is_not_shown_to_be_the_same_without_the_log(verifier: Verifier, size: int) -> None:
    verifier.sees(observed(_LIFE, 5))
    code, result, detail = verifier.sees(observed(_LIFE, size))
    assert (code, result, verifier.sizes) == (0, "skipped", [5])
    assert "is not shown: give --log" in detail


def test_log_that_grew_is_proven_and_remembered(verifier: Verifier) -> None:
    verifier.sees(observed(_LIFE, 5))
    with served(grown_from(5, 9)) as url:
        code, _, detail = verifier.sees(grown(5, 9), "--log", url)
    assert (code, verifier.sizes) == (0, [9])
    assert "the same log as that of 5 entries" in detail


def test_earlier_checkpoint_of_the_same_log_is_proven_and_the_later_kept(verifier: Verifier) -> None:
    verifier.sees(grown(5, 9))
    with served(grown_from(5, 9)) as url:
        code, _, detail = verifier.sees(observed(_LIFE, 5), "--log", url)
    assert (code, verifier.sizes) == (0, [9])
    assert "the same log as that of 9 entries" in detail


def test_log_whose_past_was_changed_is_refused(verifier: Verifier) -> None:
    verifier.sees(observed(_LIFE, 5, "before"))
    with served(grown_from(5, 9)) as url:
        code, result, detail = verifier.sees(grown(5, 9), "--log", url)
    assert (code, result, verifier.sizes) == (1, "fail", [5])
    assert "not the one that you saw before" in detail


def test_log_that_does_not_answer_leaves_it_pending(verifier: Verifier) -> None:
    verifier.sees(observed(_LIFE, 5))
    code, result, _ = verifier.sees(grown(5, 9), "--log", "http://127.0.0.1:9")
    assert (code, result, verifier.sizes) == (2, "pending", [5])


def test_forged_bundle_cannot_spoil_the_memory_of_a_log(verifier: Verifier) -> None:
    """Whoever makes a bundle puts keys of their own into it: their log is another, whatever name it has."""
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))

    class Forger:
        public_key = other.public_key().public_bytes_raw()

        def sign_note(self, text: str) -> bytes:
            return other.sign(text.encode())

    honest = observed(_LIFE, 5)
    assert honest.checkpoint is not None
    tree = MerkleTree(leaf_hash(entry(number)) for number in range(8))
    note = sign_checkpoint(Checkpoint(origin_of("https://shop.example", _ANCHOR), 8, tree.root()), Forger())
    forged = replace(honest, checkpoint=replace(honest.checkpoint, note=note))
    assert verifier.sees(forged)[:2] == (1, "fail")
    assert not verifier.memory.exists()
    assert verifier.sees(honest)[:2] == (0, "skipped")


@pytest.mark.parametrize("url", ["https://shop.example", "https://other.example"])
def test_another_name_or_key_does_not_pass_by_the_memory(verifier: Verifier, url: str) -> None:
    """Names and keys are the service's to change; the contract that anchors its log is not."""
    verifier.sees(observed(_LIFE, 5))
    code, result, detail = verifier.sees(renamed(observed(_LIFE, 5, "another"), url))
    assert (code, result, verifier.sizes) == (1, "fail", [5])
    assert "one of the two hides something" in detail


def test_same_log_under_another_name_and_key_is_the_same(verifier: Verifier) -> None:
    verifier.sees(observed(_LIFE, 5))
    with served(grown_from(5, 9)) as url:
        code, _, detail = verifier.sees(renamed(grown(5, 9), "https://other.example"), "--log", url)
    assert (code, verifier.sizes) == (0, [9])
    assert "the same log as that of 5 entries" in detail


def test_keys_from_elsewhere_count_for_the_note_and_its_memory(verifier: Verifier) -> None:
    (verifier.folder / "jwks.json").write_text(json.dumps(TOKENS.jwks()), "utf-8")
    known = ("--jwks", str(verifier.folder / "jwks.json"))
    code, result, detail = verifier.sees(renamed(observed(_LIFE, 5), "https://shop.example"), *known)
    assert (code, result) == (1, "fail")
    assert "not signed by a key of the service" in detail
    assert not verifier.memory.exists()
    assert verifier.sees(observed(_LIFE, 5), *known)[:2] == (0, "skipped")


@pytest.mark.parametrize("content", ["[]", "3", '{"keys": {}}'])
def test_keys_that_are_no_key_set_fail(verifier: Verifier, content: str) -> None:
    (verifier.folder / "jwks.json").write_text(content, "utf-8")
    assert verifier.sees(observed(_LIFE, 5), "--jwks", str(verifier.folder / "jwks.json"))[:2] == (1, "fail")


@pytest.mark.parametrize(("url", "is_said"), [("https://shop.example/", False), ("https://other.example", True)])
def test_log_in_another_name_than_the_seals_is_said(url: str, is_said: bool) -> None:
    check = verify_bundle(seal(renamed(observed(_LIFE, 5), url).as_json())).checks[0]
    assert check.result == "pass"
    assert ("The log of observations is in the name of other.example: ask" in check.detail) is is_said


def test_nothing_is_remembered_where_nobody_wants_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(seal(observed(_LIFE, 5).as_json())), "utf-8")
    assert verify([str(path), "--no-seen"]) == 0
    assert list(tmp_path.iterdir()) == [path]
    assert "that you see" not in capsys.readouterr().out


@pytest.mark.parametrize("named", ["state of mine", "", None, "not/absolute"])
def test_memory_lies_where_a_user_keeps_state(
    named: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where XDG_STATE_HOME says, if that is an absolute path."""
    home, path = tmp_path / "home", tmp_path / "bundle.json"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    if named is not None:
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / named) if named == "state of mine" else named)
    path.write_text(json.dumps(seal(observed(_LIFE, 5).as_json())), "utf-8")
    assert verify([str(path)]) == 0
    state = tmp_path / "state of mine" if named == "state of mine" else home / ".local" / "state"
    assert [one for one in tmp_path.rglob("*.json") if one != path] == [
        state / "after-sales-audit-ledger" / "checkpoints.json"
    ]


@pytest.mark.parametrize("content", ["", "[]", '{"format": 2, "logs": {}}', '{"format": 1, "logs": []}'])
def test_memory_that_cannot_be_read_is_said(verifier: Verifier, content: str, tmp_path: Path) -> None:
    verifier.memory.parent.mkdir()
    verifier.memory.write_text(content, "utf-8")
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(seal(observed(_LIFE, 5).as_json())), "utf-8")
    assert verify([str(path), "--seen", str(verifier.memory)]) == 1
    assert verifier.memory.read_text("utf-8") == content


def test_memory_that_cannot_be_written_is_said(
    verifier: Verifier, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps(seal(observed(_LIFE, 5).as_json())), "utf-8")
    assert verify([str(path), "--seen", str(path / "below" / "memory.json")]) == 1
    assert "--no-seen" in capsys.readouterr().err


def test_bundle_without_observations_leaves_no_memory(verifier: Verifier) -> None:
    assert verifier.sees(_LIFE.evidence())[:2] == (0, "skipped")
    assert not verifier.memory.exists()
