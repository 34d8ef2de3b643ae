"""The audit of the log: every entry in the tree at its place, the tree computed anew, each checkpoint with its root and
signature, each anchor the chain's. Everything is gone through once and in parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from sqlmodel import Session

from ..chain.anchors import latest_anchor
from ..chain.rpc import Rpc
from ..domain.checkpoint import keys_of, read_checkpoint
from ..domain.hashing import from_hex, hex0x, keccak
from ..domain.jws import read_token
from ..domain.merkle import leaf_hash, verify_inclusion
from ..domain.messages import anchor_domain, observation_hash
from ..domain.records import record_of
from ..domain.signatures import recover_signer
from ..domain.tiles import Tile, TiledTree, append, open_tiles
from ..domain.times import parse_moment, to_chain
from ..domain.vocabulary import Role
from ..errors import IntegrityFailure, LedgerError
from ..store import log_audit, observation_log
from ..store.tables import CaseRow, LogCheckpoint, ObservationRow
from .app import App
from .audit_problems import Problem
from .log import tree_of
from .projection import bound_key

_PART = 1_000  # rows in memory
_BROKEN = (LookupError, TypeError, ValueError, AttributeError, LedgerError)
_GONE = "The log has no entry {}: a row was removed, or its place was changed."


def log_problems(app: App, rpc: Rpc) -> Iterator[Problem]:
    """Whatever is wrong with observations, log, checkpoints and anchors. Raises Unavailable without the chain."""
    yield from _observation_problems(app)
    yield from _Replayed(app).problems()
    yield from _anchor_problems(app, rpc)


def log_problems_of_case(app: App, rpc: Rpc, case_id: str) -> Iterator[Problem]:
    """The same of one case's observations: each is in the tree of the first anchored checkpoint over it, or of the
    newest; the tree itself is not grown again."""
    yield from _observation_problems(app, case_id)
    yield from _inclusion_problems(app, case_id)
    yield from _anchor_problems(app, rpc)


# --- observations ----------------------------------------------------------------------------------------------------


def _observation_problems(app: App, case_id: str | None = None) -> Iterator[Problem]:
    after = 0
    while True:
        with app.database.read() as session:
            rows = log_audit.with_cases(session, after, _PART, case_id)
            digests = log_audit.digests_of(session, [row.observation_id for row, _ in rows])
            bound = _bound_keys(session, rows)
        for row, case in rows:
            wrong = _wrong(app, row, {getattr(case, row.role, None), *bound.get((case.case_id, row.role), ())})
            if case.erased_at is None:
                wrong += [] if _listed(row) == sorted(digests.get(row.observation_id, [])) else ["disclosures"]
            if wrong:
                listed = ", ".join(wrong)
                yield _of(row, f"What is kept of an observation contradicts what was signed: {listed}.", listed)
        if len(rows) < _PART:
            return
        after = rows[-1][0].seq or 0


def _bound_keys(session: Session, rows: Sequence[tuple[ObservationRow, CaseRow]]) -> dict[tuple[str, str], set[str]]:
    """The keys that consumers have bound, by case and role, as far as they signed any of these."""
    role = Role.CONSUMER.wire
    others = {case.case_id for row, case in rows if row.role == role and row.signer != case.consumer}
    found: dict[tuple[str, str], set[str]] = {}
    for case_id, canonical in log_audit.key_bindings(session, sorted(others)):
        with suppress(LedgerError):  # which the audit of its case says
            found.setdefault((case_id, role), set()).add(bound_key(canonical))
    return found


def _wrong(app: App, row: ObservationRow, keys: set[str | None]) -> list[str]:
    """The columns that the signed document does not bear out. `keys` are those that speak for its role in its case."""
    try:
        body = record_of(row.canonical).body
        said = {
            "commitment": hex0x(keccak(row.canonical)),
            "case_id": body["case_id"],
            "kind": body["kind"],
            "role": body["role"],
            "key_holder": body["key"],
            "occurred_at": to_chain(parse_moment(body["occurred_at"], field="occurred_at")),
        }
        domain = anchor_domain(app.deployment.chain_id, app.deployment.anchor)
        digest = domain.digest(observation_hash(from_hex(row.case_id), from_hex(row.commitment)))
        by_party = body["signer"] == row.signer and row.signer in keys
        is_signed = by_party and recover_signer(digest, row.signature) == row.signer
    except _BROKEN:
        return ["canonical"]
    wrong = [name for name, value in said.items() if getattr(row, name) != value]
    return wrong + ([] if is_signed else ["signer, signature"]) + ([] if _is_receipt(app, row) else ["receipt"])


def _is_receipt(app: App, row: ObservationRow) -> bool:
    try:
        claims, _ = read_token("receipt+jwt", row.receipt, app.tokens.jwks())
    except LedgerError:
        return False
    said = {"jti": row.observation_id, "sub": row.case_id, "commitment": row.commitment, "iat": row.accepted_at}
    return all(claims.get(name) == value for name, value in said.items())


def _listed(row: ObservationRow) -> list[str]:
    try:
        return list(record_of(row.canonical).body["_sd"])
    except _BROKEN:
        return []


def _of(row: ObservationRow, detail: str, column: str) -> Problem:
    return Problem(
        detail,
        case_id=row.case_id,
        record_id=row.observation_id,
        check=7,
        table="observations",
        row=f"observation_id {row.observation_id}",
        column=column,
    )


def _inclusion_problems(app: App, case_id: str) -> Iterator[Problem]:
    with app.database.read() as session:
        found = observation_log.page_of_case(session, case_id, 0, None)
        rows = sorted((row for row in found if row.log_index is not None), key=_index)
        anchors = observation_log.anchors_over(session, [_index(row) for row in rows])
        newest = observation_log.newest_checkpoint(session)
        sizes = [*(anchor.size for anchor in anchors), newest.size if newest else 0]
        for row in rows:
            size = next((size for size in sizes if size > _index(row)), None)
            if size is None or not _is_included(app, session, row, size):
                yield _of(row, "The log does not have this observation at its place.", "log_index")


def _index(row: ObservationRow) -> int:
    return row.log_index or 0


def _is_included(app: App, session: Session, row: ObservationRow, size: int) -> bool:
    """Whether an audit path leads from the observation to the root that the checkpoint of this size signs."""
    checkpoint = observation_log.checkpoint_of(session, size)
    try:
        noted = read_checkpoint(checkpoint.note if checkpoint else "", keys_of(app.tokens.jwks()))
        path = tree_of(session, size).inclusion_proof(_index(row))
        leaf = leaf_hash(from_hex(row.commitment))
    except _BROKEN:
        return False
    return noted.size == size and verify_inclusion(_index(row), size, leaf, path, noted.root)


# --- the tree --------------------------------------------------------------------------------------------------------


class _Replayed:
    """The tree, grown again from the entries: of its tiles, the open ones are held."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._keys = keys_of(app.tokens.jwks())
        self._size = 0
        self._open: dict[Tile, bytes] = {}

    def problems(self) -> Iterator[Problem]:
        """The log may grow meanwhile."""
        while True:
            with self._app.database.read() as session:
                some = log_audit.checkpoints_after(session, self._size, _PART)
                at_end = [] if some else list(self._end(session))
            for checkpoint in some:
                yield from self._up_to(checkpoint.size)
                if self._size < checkpoint.size:
                    return
                yield from self._compare(checkpoint)
            if not some:
                yield from at_end
                return

    def _up_to(self, size: int) -> Iterator[Problem]:
        while self._size < size:
            with self._app.database.read() as session:
                wanted = min(size - self._size, _PART)
                commitments = observation_log.entries(session, self._size, wanted)
            if len(commitments) != wanted:  # whatever comes behind the gap cannot be told any more
                yield Problem(_GONE.format(f"among {self._size} to {size - 1}"), check=7, table="observations")
                return
            changed = append(self._size, self._open, [leaf_hash(from_hex(one)) for one in commitments])
            self._size += wanted
            known = {**self._open, **changed}
            self._open = {tile: known[tile] for tile in open_tiles(self._size)}
            full = {tile: known[tile] for tile in changed if tile not in self._open}
            with self._app.database.read() as session:
                wrong = list(_unlike(session, full))
            yield from wrong

    def _compare(self, checkpoint: LogCheckpoint) -> Iterator[Problem]:
        root = TiledTree(self._size, lambda level, number: self._open[level, number]).root()
        wrong = ["root"] if hex0x(root) != checkpoint.root else []
        try:
            noted = read_checkpoint(checkpoint.note, self._keys)
            is_ours = noted.origin.endswith(f"/{self._app.deployment.anchor}")
            wrong += [] if (noted.size, noted.root, is_ours) == (self._size, root, True) else ["note"]
        except IntegrityFailure:
            wrong.append("note")
        if wrong:
            listed = ", ".join(wrong)
            said = f"A checkpoint of the log is not that of its entries: {listed}."
            yield Problem(said, check=7, table="log_checkpoints", row=f"size {checkpoint.size}", column=listed)

    def _end(self, session: Session) -> Iterator[Problem]:
        """The open tiles, and that there is nothing beside all this."""
        yield from _unlike(session, self._open)
        if log_audit.count_logged(session) != self._size:
            said = f"Entries have places in the log that none of its checkpoints ({self._size}) covers."
            yield Problem(said, check=7, table="observations", column="log_index")
        if log_audit.count_tiles(session) != _count_of(self._size):
            yield Problem("The log has other tiles than its size asks for.", check=7, table="log_tiles")


def _unlike(session: Session, tiles: dict[Tile, bytes]) -> Iterator[Problem]:
    for (level, number), hashes in tiles.items():
        if observation_log.tile(session, level, number) != hashes:
            said = "A tile of the log does not follow from its entries."
            yield Problem(said, check=7, table="log_tiles", row=f"level {level}, number {number}", column="hashes")


def _count_of(size: int) -> int:
    """How many tiles a tree of this size has."""
    count, entries = 0, size
    while entries:
        count += -(-entries // 256)
        entries //= 256
    return count


# --- anchors ---------------------------------------------------------------------------------------------------------


def _anchor_problems(app: App, rpc: Rpc) -> Iterator[Problem]:
    with app.database.read() as session:
        wrong: Sequence[Any] = log_audit.anchors_unlike_checkpoints(session, 100)
        unlike = log_audit.anchors_unlike_events(session)
        newest = observation_log.newest_anchor(session)
    for size in wrong:
        said = f"The chain holds a checkpoint of {size} entries that is none of this log."
        yield Problem(said, check=7, table="chain_anchors", row=f"size {size}", column="root")
    if unlike:
        said = "The read model contradicts the chain's events of anchors. Run `ledger rebuild`."
        yield Problem(said, check=7, table="chain_anchors")
    size, root = latest_anchor(rpc, app.deployment.anchor)
    with app.database.read() as session:
        ours = observation_log.checkpoint_of(session, size) if size else None
    known = newest.size if newest else 0
    if size < known or (size and (ours is None or ours.root != hex0x(root))):
        said = f"The contract holds a checkpoint of {size} entries, which is not the log's; {known} were read."
        yield Problem(said, check=7, table="log_checkpoints")
