"""The index made anew, also after a reorg that was too deep to be believed: what was told of blocks that the chain took
back is then looked for, and corrected where it does not come back."""

from __future__ import annotations

from collections.abc import Callable

from ..chain.rpc import Rpc
from ..clock import Clock
from ..errors import Conflict
from ..store import chain_facts, telling
from ..store.database import Database
from .indexer import Indexer, Progress
from .rewinding import forget_everything


def rebuild(database: Database, rpc: Rpc, clock: Clock, indexer: Indexer, tell: Callable[[Progress], None]) -> None:
    """Throws away what was read, and reads it again; `tell` is told how far that is. Killed in between, it can be begun
    anew, and a service that runs goes on with it."""
    common = _last_common_block(database, rpc)
    with database.unhurried() as patient, patient.write() as session:
        if common is not None:
            telling.go_back(session, common, clock.seconds())
        forget_everything(session)
    behind = 1
    while behind:
        try:
            progress = indexer.step()
        except Conflict:
            continue  # the service's own indexer was faster with these blocks
        behind = progress.behind
        tell(progress)
    with database.write() as session:
        telling.miss_from_now_on(session, clock.seconds())


def _last_common_block(database: Database, rpc: Rpc) -> int | None:
    """The last block that was read and is the chain's, -1 for none of them; None where nothing was read."""
    with database.read() as session:
        cursor = chain_facts.read_cursor(session)
        low, high, common = -1, cursor.block_number if cursor else -1, -1
        while low < high:
            middle = (low + high + 1) // 2
            known = next(iter(chain_facts.known_blocks(session, up_to=middle, limit=1)), None)
            if known is None or known.number <= low:
                low = middle  # of those in between none is known
                continue
            block = rpc.block(known.number)
            if block is not None and block.hash == known.hash:
                low, common = middle, known.number
            else:
                high = known.number - 1
        return common if cursor else None
