"""Chains of our own: what a kill leaves, and that a restart goes on in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger_service.chain.child import Child
from ledger_service.chain.local import LocalChain, local_url, read_clock
from ledger_service.chain.rpc import wait_until
from ledger_service.errors import Conflict, InvalidInput, Unavailable

_DAY = 86_400
_BACK = 30 * _DAY


@pytest.fixture(params=["ganache", "anvil"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


Start = Callable[..., LocalChain]


@pytest.fixture
def start(name: str, tmp_path: Path) -> Iterator[Start]:
    """Starts the chain of the test's folder."""
    chains = []

    def start(**options: int) -> LocalChain:
        chain = LocalChain(name, tmp_path)
        chains.append(chain)
        chain.start(**options)
        return chain

    yield start
    for chain in chains:
        chain.stop()


def _behind(chain: LocalChain) -> float:
    """Seconds between the machine's clock and a new block's time."""
    chain.rpc.call("evm_mine")
    return time.time() - chain.rpc.latest().time


def test_start_of_an_unknown_chain_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no local chain"):
        LocalChain("geth", tmp_path)


def test_url_before_the_first_start_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="has run"):
        local_url("ganache", tmp_path)


def test_start_goes_on_with_blocks_and_time(start: Start, tmp_path: Path, name: str) -> None:
    chain = start(seconds_back=_BACK)
    genesis = chain.rpc.block(0)
    assert genesis is not None
    assert _behind(chain) == pytest.approx(_BACK, abs=3)
    assert local_url(name, tmp_path) == chain.url
    chain.advance(10 * _DAY)
    newest = chain.rpc.latest()
    chain.stop()

    chain = start()
    assert chain.rpc.block(0) == genesis
    assert chain.rpc.latest() == newest
    assert _behind(chain) == pytest.approx(_BACK - 10 * _DAY, abs=3)
    assert chain.rpc.latest().time >= newest.time
    chain.advance(chain.seconds_behind())
    assert _behind(chain) == pytest.approx(0, abs=3)


def test_start_after_a_kill_keeps_the_first_block(start: Start, name: str) -> None:
    chain = start(seconds_back=_BACK)
    genesis = chain.rpc.block(0)
    chain.rpc.call("evm_mine")
    newest = chain.rpc.latest()
    os.kill(_pid(chain), signal.SIGKILL)
    assert wait_until(lambda: not chain.running, seconds=5)
    chain.stop()

    chain = start()
    assert chain.rpc.block(0) == genesis
    if name == "ganache":  # anvil may lose its last second
        assert chain.rpc.latest() == newest


def test_advance_killed_before_the_chain_heard_is_made_up_for(start: Start) -> None:
    chain = start(seconds_back=_BACK)
    os.kill(_pid(chain), signal.SIGKILL)
    with pytest.raises(Unavailable):
        chain.advance(_DAY)
    chain.stop()
    assert _behind(start()) == pytest.approx(_BACK - _DAY, abs=3)


def test_start_ends_a_chain_that_was_left_behind(start: Start, name: str, tmp_path: Path) -> None:
    """Whoever started it was killed, and the kernel did not end it."""
    chain = start()
    left = _pid(chain)
    chain._child._unlock()  # as the kernel does for a process that was killed
    chain = start()
    assert _pid(chain) != left
    assert chain.rpc.chain_id() in (1337, 31337)


def test_start_twice_is_refused(start: Start, name: str, tmp_path: Path) -> None:
    start()
    with pytest.raises(Conflict, match="another process"):
        LocalChain(name, tmp_path).start()


def test_start_with_its_port_taken_takes_another(start: Start, tmp_path: Path, name: str) -> None:
    import socket

    chain = start()
    port = chain.clock.port
    chain.stop()
    with socket.create_server(("127.0.0.1", port)):
        assert start().clock.port != port
    kept = read_clock(tmp_path / "chain" / name)
    assert kept is not None
    assert kept.port != port


def test_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from ledger_service.chain.child import Child\n"
        f"child = Child(Path({str(tmp_path)!r}), 'sleep 60'); child.lock(); child.start(['sleep', '60'])\n"
        "print(child.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        parent.kill()
    assert wait_until(lambda: not Path(f"/proc/{pid}").exists(), seconds=5)


def test_child_that_cannot_start_tells_its_last_words(tmp_path: Path) -> None:
    child = Child(tmp_path, "nothing")
    child.lock()
    child.start(["/bin/sh", "-c", "echo no such luck; exit 3"])
    assert wait_until(lambda: not child.running, seconds=5)
    assert child.last_words() == "no such luck"
    child.stop()
    child.stop()


def _pid(chain: LocalChain) -> int:
    pid = chain._child.pid
    assert pid is not None
    return pid
