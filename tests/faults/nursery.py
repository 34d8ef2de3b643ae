"""A process that has everything imported and forks the services that are to be killed: each is a process of its own,
and starts in a tenth of a second. It obeys lines of JSON on its input, and answers each with one.

{"start": {"data": "…", "port": 8000, "point": "before the broadcast", "nth": 1}}   {"pid": 1}
{"wait": {"pid": 1, "seconds": 5}}                                     {"ended": -9}, or {"ended": null}
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from ledger_service.commands import service

from .dying import BY_NAME, plant

_children: set[int] = set()


def main() -> None:
    _import_what_serving_imports()
    gc.freeze()
    for line in sys.stdin:
        asked = json.loads(line)
        answer = _start(**asked["start"]) if "start" in asked else _wait(**asked["wait"])
        print(json.dumps(answer), flush=True)
    for pid in list(_children):
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _import_what_serving_imports() -> None:
    import alembic.command  # noqa: F401
    import pg8000.dbapi  # noqa: F401
    import uvicorn.lifespan.on
    import uvicorn.loops.auto
    import uvicorn.protocols.http.auto  # noqa: F401

    import api.app
    import api.server  # noqa: F401 - the children find it imported


def _start(data: str, port: int, point: str | None = None, nth: int = 1) -> dict[str, Any]:
    pid = os.fork()
    if pid == 0:
        _serve(Path(data), port, point, nth)
    _children.add(pid)
    return {"pid": pid}


def _serve(data: Path, port: int, point: str | None, nth: int) -> None:
    """`ledger serve`, in this child."""
    output = os.open(data / "service.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    code = 1
    try:
        if point is not None:
            plant(BY_NAME[point], nth)
        service.serve(workers=True, host="127.0.0.1", port=port, data=data)
        code = 0
    except BaseException as error:
        print(f"the service ended: {error!r}", flush=True)
        raise
    finally:
        os._exit(code)


def _wait(pid: int, seconds: float) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            _children.discard(pid)
            return {"ended": os.waitstatus_to_exitcode(status)}
        if time.monotonic() > until:
            return {"ended": None}
        time.sleep(0.01)


if __name__ == "__main__":
    main()
