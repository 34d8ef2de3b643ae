"""The events of our contracts, read in one go and by nothing of what the audit reads them with."""

from __future__ import annotations

from ledger_service.chain.abi import checksum
from ledger_service.chain.codec import Event, decode_log
from ledger_service.chain.deployments import Deployment
from ledger_service.chain.rpc import Rpc


def read_events(rpc: Rpc, deployment: Deployment, first: int, last: int) -> list[Event]:
    """Those of the blocks from `first` to `last`, in the chain's order."""
    names = deployment.name_of
    wanted = {"fromBlock": hex(first), "toBlock": hex(last), "address": list(names)}
    decoded = (decode_log(log, names[checksum(log["address"])]) for log in rpc.call("eth_getLogs", wanted))
    return sorted((event for event in decoded if event), key=lambda event: (event.block_number, event.log_index))
