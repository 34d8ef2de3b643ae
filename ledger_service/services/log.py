"""The log of observations: its checkpoints, tiles and proofs, and how far each observation has come in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from ..domain.checkpoint import origin_of, verifier_key
from ..domain.hashing import from_hex, hex0x
from ..domain.merkle import leaf_hash
from ..domain.tiles import TiledTree, TilePath, entry_bundle, width_of
from ..errors import InvalidInput, NotFound
from ..store import observation_log as sql
from ..store.tables import ChainAnchor, LogCheckpoint
from .app import App


def origin(app: App) -> str:
    """What names this installation's log."""
    return origin_of(app.settings.url, app.deployment.anchor)


def tree_of(session: Session, size: int) -> TiledTree:
    """The log as it was when it had so many entries."""
    return TiledTree(size, lambda level, number: sql.tile(session, level, number))


def checkpoint_note(app: App) -> str:
    """The newest checkpoint, as a signed note. Raises NotFound before the first."""
    with app.database.read() as session:
        newest = sql.newest_checkpoint(session)
    if newest is None:
        raise NotFound("The log has no entry yet.", field="checkpoint", remedy="State an observation first.")
    return newest.note


def log_key(app: App) -> str:
    """The key that signs the checkpoints, as verifiers of notes take it."""
    return verifier_key(origin(app), app.tokens.public_key) + "\n"


def tile_bytes(app: App, path: TilePath) -> bytes:
    """A tile, or a bundle of entries. Raises NotFound for one that the log does not have so far."""
    level = path.level or 0
    with app.database.read() as session:
        if width_of(sql.log_size(session), (level, path.number)) < path.width:
            raise NotFound("The log has no such tile yet.", field="tile", remedy="Ask for one within its checkpoint.")
        if path.level is None:
            found = sql.entries(session, path.number * 256, path.width)
            return entry_bundle([from_hex(commitment) for commitment in found])
        return sql.tile(session, level, path.number)[: 32 * path.width]


def inclusion(app: App, index: int | None, commitment: str | None, size: int | None) -> dict[str, Any]:
    """Entry and audit path, by index or by commitment, under the checkpoint of `size` entries, the newest without it.

    Raises InvalidInput or NotFound, naming the parameter.
    """
    if (index is None) == (commitment is None):
        raise InvalidInput("An entry is named by its index or its commitment.", field="index", remedy="Send one.")
    with app.database.read() as session:
        found = sql.entry(session, index=index, commitment=commitment)
        under = _checkpoint(session, size)
        if found is None or found[0] >= under.size:
            raise NotFound(
                f"The log of {under.size} has no such entry.",
                field="index" if commitment is None else "commitment",
                remedy="Ask again once a checkpoint covers it.",
            )
        path = tree_of(session, under.size).inclusion_proof(found[0])
    entry = from_hex(found[1])
    return {
        "index": found[0],
        "commitment": found[1],
        "leaf_hash": hex0x(leaf_hash(entry)),
        "size": under.size,
        "root": under.root,
        "proof": [hex0x(node) for node in path],
        "checkpoint": under.note,
    }


def consistency(app: App, first: int, second: int | None) -> dict[str, Any]:
    """What shows that the log of `first` entries is the beginning of that of `second`. Raises InvalidInput."""
    with app.database.read() as session:
        later = _checkpoint(session, second)
        if not 0 < first <= later.size:
            raise InvalidInput(
                f"A log of {first} entries is no earlier one of {later.size}.",
                field="first",
                remedy="Send sizes of two checkpoints, the smaller one first.",
            )
        tree = tree_of(session, later.size)
        root, proof = tree.root(first), tree.consistency_proof(first)
    return {
        "first": {"size": first, "root": hex0x(root)},
        "second": {"size": later.size, "root": later.root},
        "proof": [hex0x(node) for node in proof],
        "checkpoint": later.note,
    }


def _checkpoint(session: Session, size: int | None) -> LogCheckpoint:
    found = sql.newest_checkpoint(session) if size is None else sql.checkpoint_of(session, size)
    if found is None:
        raise NotFound(
            "There is no such checkpoint." if size is not None else "The log has no entry yet.",
            field="size",
            remedy="Ask /v1/log/checkpoint for the newest, or send the size of one that you have.",
        )
    return found


# --- how far it has come ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Progress:
    """Which checkpoints are anchored, as far as the chain was read, for the entries of some observations."""

    anchors: Sequence[ChainAnchor]  # by size
    newest_block: int
    confirmations: int

    def answer(self, index: int | None) -> dict[str, Any]:
        """The stage of an entry, and the first anchor that covers it."""
        if index is None:
            return {"stage": "accepted", "index": None, "anchor": None}
        found = next((anchor for anchor in self.anchors if anchor.size > index), None)
        if found is None:
            return {"stage": "logged", "index": index, "anchor": None}
        is_final = self.newest_block - found.block_number >= self.confirmations
        return {
            "stage": "anchored",
            "index": index,
            "anchor": {
                "size": found.size,
                "root": found.root,
                "block": found.block_number,
                "transaction": found.tx_hash,
                "final": is_final,
            },
        }


def progress_of(app: App, session: Session, indices: Sequence[int | None]) -> Progress:
    known = sorted(index for index in indices if index is not None)
    anchors = sql.anchors_over(session, known)
    return Progress(anchors, sql.block_read(session), app.settings.confirmations_needed)
