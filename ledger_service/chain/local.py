"""Chains of our own on this machine: ganache (its blocks survive a kill) and anvil (fast, loses a second or so).

A chain's folder is DATA/chain/<name>. Its `clock.json` has what a restart needs and the chain itself does not keep: the
time of the first block, how far the chain's clock is off the machine's, and the port.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ..errors import InvalidInput, Unavailable
from .child import Child
from .rpc import Rpc, wait_until

NAMES = ("ganache", "anvil")
LOCAL_CHAIN_IDS = (1337, 31337)  # ganache's and anvil's, by which other tools know a chain for trying things too
_ROOT = Path(__file__).resolve().parents[2]
_BLOCK_GAS = 400_000_000  # several full batches
_STATE_OF_A_SECOND = 50_000_000  # bytes: each writing of the whole state is to take a small part of anvil's time
_STARTUP = 60.0  # seconds
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class ChainClock:
    """`genesis` is seconds since 1970 UTC; `offset` is added to the machine's clock to get the chain's."""

    genesis: int
    offset: int
    port: int
    format: int = _FORMAT


class LocalChain:
    """A chain that runs as our child. Start it from a thread that outlives it (see Child).

    Of one that is not `kept`, anvil writes nothing down: what runs for one measurement is thrown away.
    """

    def __init__(self, name: str, data: Path, *, kept: bool = True) -> None:
        """Raises InvalidInput for a name that is no local chain's."""
        if name not in NAMES:
            raise InvalidInput(
                f"There is no local chain {name!r}.", field="chain", remedy="Use ganache, anvil, or a JSON-RPC URL."
            )
        self.name = name
        self.kept = kept
        self.folder = data.resolve() / "chain" / name
        self._child = Child(self.folder, str(self.folder))
        self.clock = ChainClock(0, 0, 0)
        self.rpc = Rpc("")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.clock.port}"

    @property
    def running(self) -> bool:
        return self._child.running

    def start(self, *, seconds_back: int = 0, port: int = 0) -> None:
        """Starts the chain, or goes on with the one in the folder.

        A fresh one begins `seconds_back` in the past; `port` is taken if it is free, else the last one, else any.
        Raises Unavailable if it does not come up, Conflict if another process runs it.
        """
        self._child.lock()
        try:
            self._start(seconds_back, port)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self.rpc.close()
        self._child.stop()

    def advance(self, seconds: int) -> None:
        """Moves the chain's clock forward and makes a block. The new offset is kept first: a kill in between moves it
        at the next start instead."""
        self._keep(replace(self.clock, offset=self.clock.offset + seconds))
        self._apply_clock()
        self.rpc.call("evm_mine")

    def seconds_behind(self) -> int:
        """How far the chain's clock is behind the machine's."""
        return -self.clock.offset

    # --- inside ------------------------------------------------------------------------------------------------------

    def _start(self, seconds_back: int, port: int) -> None:
        kept = read_clock(self.folder)
        now = int(time.time())
        clock = kept or ChainClock(genesis=now - seconds_back, offset=-seconds_back, port=0)
        self._keep(replace(clock, port=_free_port(port or clock.port)))
        self._child.start(_ganache(self) if self.name == "ganache" else _anvil(self))
        self.rpc.close()
        self.rpc = Rpc(self.url)
        wait_until(lambda: not self._child.running or self._answers(), seconds=_STARTUP)
        if not self._child.running or not self._answers():
            raise Unavailable(
                f"{self.name} did not start:\n{self._child.last_words()}",
                remedy=f"Look at {self.folder / 'log'}.",
            )
        self._apply_clock()

    def _answers(self) -> bool:
        try:
            return bool(self.rpc.call("eth_chainId"))
        except Unavailable:
            return False

    def _apply_clock(self) -> None:
        """From here on the chain's clock goes on as the machine's does."""
        unit = 1000 if self.name == "ganache" else 1
        self.rpc.call("evm_setTime", int((time.time() + self.clock.offset) * unit))

    def _keep(self, clock: ChainClock) -> None:
        path = self.folder / "clock.json"
        temporary = path.with_suffix(".tmp")
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(asdict(clock), file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        self.clock = clock


def read_clock(folder: Path) -> ChainClock | None:
    """What a chain's folder keeps; None before its first start."""
    try:
        return ChainClock(**json.loads((folder / "clock.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def local_url(name: str, data: Path) -> str:
    """Where the local chain of an installation listens, for use beside a running one. Raises Unavailable before its
    first start."""
    clock = read_clock(data.resolve() / "chain" / name)
    if clock is None:
        raise Unavailable(
            f"No {name} chain has run in {data} yet.", remedy="Start it: ./scripts/run, with the same --data."
        )
    return f"http://127.0.0.1:{clock.port}"


def _free_port(wanted: int) -> int:
    """`wanted` if nobody listens there, else any free one."""
    for port in (wanted, 0) if wanted else (0,):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            free: int = probe.getsockname()[1]
            return free
    raise Unavailable("This machine has no free port.", remedy="End some other program.")


def _ganache(chain: LocalChain) -> list[str]:
    program = _ROOT / "node_modules" / "ganache" / "dist" / "node" / "cli.js"
    begins = datetime.fromtimestamp(int(time.time()) + chain.clock.offset, UTC)
    return [
        *(_node(), str(_present(program))),
        *("--database.dbPath", str(chain.folder / "blocks")),
        *("--server.host", "127.0.0.1", "--server.port", str(chain.clock.port)),
        *("--chain.chainId", "1337", "--chain.networkId", "1337", "--chain.hardfork", "shanghai"),
        *("--chain.time", begins.isoformat()),
        *("--miner.blockGasLimit", hex(_BLOCK_GAS), "--miner.callGasLimit", hex(_BLOCK_GAS)),
        *("--wallet.deterministic", "--wallet.defaultBalance", "1000000"),
        "--logging.quiet",
    ]


def _anvil(chain: LocalChain) -> list[str]:
    """The first block's time is given at every start: without it, a restart after a kill makes another first block."""
    found = sorted((_ROOT / "node_modules" / "@foundry-rs").glob("anvil-*/bin/anvil*"))
    if not found:
        raise _not_installed("anvil")
    return [
        *(str(found[0]), "--quiet", "--host", "127.0.0.1", "--port", str(chain.clock.port)),
        *("--chain-id", "31337", "--hardfork", "shanghai", "--gas-limit", str(_BLOCK_GAS)),
        *("--timestamp", str(chain.clock.genesis), "--balance", "1000000"),
        *_state(chain),
        # States of that many blocks stay in memory, for reads as of a block and for reorgs; none on disk.
        *("--prune-history", "256", "--cache-path", str(chain.folder / "cache")),
    ]


def _state(chain: LocalChain) -> list[str]:
    """Anvil writes all of its state again each time: every second, and less often the more of it there was."""
    if not chain.kept:
        return []
    path = chain.folder / "state.json"
    size = path.stat().st_size if path.exists() else 0
    return ["--state", str(path), "--state-interval", str(1 + size // _STATE_OF_A_SECOND)]


def _node() -> str:
    """The machine's node, or the one that PyPI's package puts beside our Python or into .venv-node."""
    places = (Path(sys.executable).parent, _ROOT / ".venv" / "bin", _ROOT / ".venv-node" / "bin")
    found = shutil.which("node") or shutil.which("node", path=os.pathsep.join(str(place) for place in places))
    if found is None:
        raise _not_installed("Node.js")
    return found


def _present(program: Path) -> Path:
    if not program.exists():
        raise _not_installed(program.name)
    return program


def _not_installed(what: str) -> Unavailable:
    return Unavailable(f"{what} is not installed.", remedy="Run ./scripts/run once: it installs what is missing.")
