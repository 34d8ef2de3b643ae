"""A typed Python client of the API: what a console does, a program does with this.

    with LedgerClient("http://127.0.0.1:8000", api_key) as ledger:
        case = ledger.open_case({"reference": "RMA-1001", …}, idempotency_key="rma-1001")
        for work in ledger.work():
            print(work["reference"], work["acts"], work["deadline"], work["otherwise"])

It needs `httpx` alone, which the extras `rpc` and `service` bring.
"""

from __future__ import annotations

from .client import LedgerClient
from .problems import (
    Conflict,
    Forbidden,
    InvalidInput,
    LedgerProblem,
    LimitExceeded,
    NoAnswer,
    NotFound,
    Unauthenticated,
    Unavailable,
)

__all__ = [
    "Conflict",
    "Forbidden",
    "InvalidInput",
    "LedgerClient",
    "LedgerProblem",
    "LimitExceeded",
    "NoAnswer",
    "NotFound",
    "Unauthenticated",
    "Unavailable",
]
