"""A child process of which there is one at a time in a folder, whatever was killed when."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import Conflict, Unavailable
from .rpc import wait_until

_TETHER = Path(__file__).with_name("tether.py")
_PATIENCE = 10.0  # seconds that an orderly end may take


class Child:
    """Runs a command in `folder`: `pid` names the process, `lock` is held by whoever started it, `log` has its output.

    Start it from a thread that lives as long as the child is to live: the kernel counts that thread as its parent.
    """

    def __init__(self, folder: Path, mark: str) -> None:
        """`mark` is a part of the command line by which the process is known, such as its data folder."""
        self._folder = folder
        self._mark = mark
        self._lock: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def lock(self) -> None:
        """Takes the folder and ends a process that was left behind. Raises Conflict if somebody else runs it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._unlock()
            raise Conflict(
                f"The chain in {self._folder} is run by another process already.",
                remedy="Stop that one, or use another --data folder.",
            ) from None
        pid = self._left_behind()
        if pid is not None:
            _end(pid, lambda: self._left_behind() is None)

    def start(self, command: Sequence[str]) -> None:
        """Starts the command, detached from the terminal's Ctrl-C: it ends by `stop`, or when this process dies."""
        tethered = [sys.executable, "-I", "-S", str(_TETHER), str(os.getpid()), str(self._folder / "pid"), *command]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                tethered, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, process_group=0
            )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def last_words(self, lines: int = 8) -> str:
        """The end of the child's output."""
        with contextlib.suppress(OSError):
            return "\n".join((self._folder / "log").read_text(errors="replace").splitlines()[-lines:])
        return ""

    def stop(self) -> None:
        """Ends the child in order, and by force where that takes too long. Twice is once."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process is not None:
            (self._folder / "pid").unlink(missing_ok=True)
        self._unlock()

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _left_behind(self) -> int | None:
        """The process of an earlier run, if it still lives and is what the pid file says it is."""
        try:
            pid = int((self._folder / "pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if self._mark in _command_line(pid) else None


def _command_line(pid: int) -> str:
    """Empty for a process that is gone, or only waits to be collected."""
    listed = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self/cmdline").exists():
        try:
            return listed.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    asked = ["/bin/ps", "-o", "command=", "-p", str(pid)]
    shown = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - numbers only
    return shown.stdout


def _end(pid: int, gone: Callable[[], bool]) -> None:
    for name, patience in ((signal.SIGTERM, _PATIENCE), (signal.SIGKILL, 2.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, name)
        if wait_until(gone, seconds=patience):
            return
    raise Unavailable(f"Process {pid} of an earlier run does not end.", remedy=f"End it: kill -9 {pid}")
