"""Runs a command that ends when its parent ends: `python tether.py PARENT_PID PID_FILE COMMAND …`.

It says its process id in PID_FILE, asks the kernel for a SIGTERM at its parent's death (Linux; elsewhere a process that
was left behind is ended at the next start), and becomes the command. A program of its own, since running code between
fork and exec is not safe in a process with threads. It imports nothing of ours, so that it starts at once.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    parent, pid_file, *command = sys.argv[1:]
    with open(pid_file, "w") as file:  # noqa: PTH123 - pathlib takes a while to import
        file.write(str(os.getpid()))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(parent):  # it died before we asked
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - this is what the program is for


if __name__ == "__main__":
    main()
