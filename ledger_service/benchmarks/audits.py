"""The audit beside web3.py's decoding of the same events, and a proof of inclusion beside bare SHA-256."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import ExitStack
from pathlib import Path

from web3 import HTTPProvider, Web3

from ..chain.abi import LEDGER
from ..chain.artifacts import load_artifact
from ..chain.rpc import Rpc
from ..domain.merkle import MerkleTree, leaf_hash, verify_inclusion
from ..errors import IntegrityFailure
from ..services.chain_audit import ChainReport, audit_heads, audit_signatures
from .comparing import Row, in_turns
from .generating import STEPS
from .scale import Scale
from .site import Site, chain, site

_PEER = "web3.py get_logs, decoded"
_DEPTH = 10
_AT_ONCE = 10_000  # records made in one go: all of them are in memory
_SLOWEST = 50  # records a second, below which something is wrong


def measure_audit(folder: Path, scale: Scale) -> list[Row]:
    with ExitStack() as stack:
        local = stack.enter_context(chain("anvil", folder, automine=False))
        place = stack.enter_context(site(folder, local))
        with place.workers():
            fill(place, scale.audited)
        heads, decoded = in_turns(scale.rounds, lambda: read_heads(place), lambda: _decode(place))
        whole, again = in_turns(scale.rounds, lambda: read_signatures(place), lambda: _decode(place))
    return [
        Row("audit.heads", "audit from chain events, heads compared", "records/s", _PEER, heads, decoded, 25.0),
        Row(
            "audit.signatures",
            "audit from chain events, every signature checked",
            "records/s",
            _PEER,
            whole,
            again,
            3.0,
        ),
    ]


def fill(place: Site, records: int) -> None:
    """So many records more, openings among them, all on the chain. The next are made while the workers send those
    before."""
    wanted, each = place.recorded() + records, len(STEPS) + 1
    left = records
    while left > 0:
        cases = place.cases.open(-(-min(left, _AT_ONCE) // each))
        place.cases.write(place.cases.lives(cases))
        left -= len(cases) * each
    place.wait_recorded(wanted, seconds=60 + records / _SLOWEST)


def read_heads(place: Site, rpc: Rpc | None = None) -> float:
    """Records per second: every case's head from the chain's events alone, and compared with the contract's. `rpc` is
    another node than the site's."""
    node, deployment = rpc or place.rpc, place.app.deployment
    newest = node.latest().number
    began = time.perf_counter()
    report = audit_heads(node, deployment.ledger, deployment.deployed_at_block, newest)
    return _rate(report, began)


def read_signatures(place: Site) -> float:
    """The same, and every signature checked over what the database has of its record."""
    newest = place.rpc.latest().number
    began = time.perf_counter()
    report = audit_signatures(place.rpc, place.app.database, place.app.deployment, newest)
    return _rate(report, began)


def _rate(report: ChainReport, began: float) -> float:
    if report.problems:
        raise IntegrityFailure(
            f"The measured audit found: {report.problems[0].detail}", remedy="Look into it: it should find nothing."
        )
    return report.events / (time.perf_counter() - began)


def _decode(place: Site) -> float:
    web3 = Web3(HTTPProvider(place.rpc.url))
    ledger = web3.eth.contract(
        address=Web3.to_checksum_address(place.app.deployment.ledger), abi=load_artifact(LEDGER).abi
    )
    began = time.perf_counter()
    events = ledger.events.Recorded().get_logs(from_block=place.app.deployment.deployed_at_block)
    return len(events) / (time.perf_counter() - began)


def measure_proofs(_folder: Path, scale: Scale) -> list[Row]:
    """Of a log of 2 ** 10 observations."""
    leaves = [leaf_hash(os.urandom(64)) for _ in range(1 << _DEPTH)]
    tree = MerkleTree(leaves)
    root, size = tree.root(), len(tree)
    proofs = [tree.inclusion_proof(index) for index in range(size)]

    def ours() -> float:
        began = time.perf_counter()
        for number in range(scale.proofs):
            index = number % size
            if not verify_inclusion(index, size, leaves[index], proofs[index], root):
                raise IntegrityFailure("A measured proof is refused.", remedy="Repair the benchmark.")
        return scale.proofs / (time.perf_counter() - began)

    def limit() -> float:
        """As many bare hashes of as many bytes as a proof takes, one after the other."""
        began, hashed = time.perf_counter(), hashlib.sha256
        for _ in range(scale.proofs):
            node = root
            for _ in range(_DEPTH):
                node = hashed(node + root).digest()
        return scale.proofs / (time.perf_counter() - began)

    mine, bare = in_turns(scale.rounds, ours, limit)
    what = f"inclusion proof of depth {_DEPTH}, verified"
    return [Row("proofs.inclusion", what, "proofs/s", "as many bare SHA-256", mine, bare, target=0.5)]
