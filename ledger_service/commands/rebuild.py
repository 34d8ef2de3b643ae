"""`ledger rebuild`: throws away what the indexer read, and reads it from the chain again."""

from __future__ import annotations

from rich.progress import Progress

from ..errors import Conflict
from ..workers.indexer import Indexer
from ..workers.rewinding import forget_everything
from .context import DataOption, open_installation
from .output import console, problems, reports_errors


@reports_errors
def rebuild(data: DataOption = None) -> None:
    """Makes the chain's tables anew. Until it is done, pages show records as on their way. No statement is touched."""
    installed = open_installation(data)
    installed.check_chain()
    database = installed.app.database
    with database.write() as session:
        forget_everything(session)
    app, behind = installed.app, 1
    finality = app.settings.finality_blocks
    indexer = Indexer(database, installed.rpc, app.deployment, app.policies.by_id, finality=finality)
    with Progress(console=problems, transient=True) as bars:
        task = bars.add_task("Reading the chain", total=None)
        while behind:
            try:
                progress = indexer.step()
            except Conflict:
                continue  # the service's own indexer was faster with these blocks
            behind = progress.behind
            bars.update(task, completed=progress.block, total=progress.head)
    console.print("The chain's tables are made anew. Check them: ledger audit")
