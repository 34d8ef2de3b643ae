"""`ledger rebuild`: throws away what the indexer read, and reads it from the chain again."""

from __future__ import annotations

from rich.progress import Progress

from ..services.caretaking import release
from ..workers.indexer import Indexer
from ..workers.rebuilding import rebuild as rebuild_index
from .context import DataOption, open_installation
from .output import console, problems, reports_errors


@reports_errors
def rebuild(data: DataOption = None) -> None:
    """Makes the chain's tables anew. Until it is done, pages show records as on their way. No statement is touched."""
    installed = open_installation(data)
    installed.check_chain()
    app = installed.app
    indexer = Indexer(
        app.database, installed.rpc, app.deployment, app.policies.by_id, finality=app.settings.finality_blocks
    )
    with Progress(console=problems, transient=True) as bars:
        task = bars.add_task("Reading the chain", total=None)
        rebuild_index(
            app.database,
            installed.rpc,
            app.clock,
            indexer,
            lambda read: bars.update(task, completed=read.block, total=read.head),
        )
    release(app)
    console.print("The chain's tables are made anew. Check them: ledger audit")
