"""How much is measured: enough for figures that hold, or just enough to see that it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """`records` are of ours in one round, by chain; `peer_records` of the peer's loop; `seconds` how long readers ask;
    `audited` how many records are audited, `grown` how many the ledger is grown to, and `logged` how many
    observations the log."""

    rounds: int
    records: dict[str, int]
    peer_records: int
    seconds: float
    links: int
    connections: int
    audited: int
    grown: int
    proofs: int
    logged: int


FULL = Scale(
    rounds=3,
    records={"anvil": 8_000, "ganache": 800},
    peer_records=100,
    seconds=5.0,
    links=100,
    connections=32,
    audited=8_000,
    grown=100_000,
    proofs=20_000,
    logged=1_000_000,
)
QUICK = Scale(
    rounds=1,
    records={"anvil": 40, "ganache": 20},
    peer_records=3,
    seconds=0.2,
    links=2,
    connections=2,
    audited=20,
    grown=60,
    proofs=50,
    logged=600,
)
