"""Whether what we send can get on: our transactions are numbered without a gap, and no number counts twice."""

from __future__ import annotations

from collections.abc import Iterator

from sqlmodel import Session

from ..chain.rpc import Rpc
from ..store.sending_reads import Numbers, numbers_by_account, paid_twice
from .audit_problems import Problem


def sending_problems(session: Session, rpc: Rpc) -> Iterator[Problem]:
    """What keeps an account's transactions from being mined, or was counted where the chain has nothing."""
    accounts = numbers_by_account(session)
    answers = rpc.batch_all([("eth_getTransactionCount", account, "latest") for account in accounts])
    for (account, numbers), answer in zip(accounts.items(), answers, strict=True):
        yield from _of_account(account, numbers, int(answer, 16))


def _of_account(account: str, numbers: Numbers, used: int) -> Iterator[Problem]:
    if numbers.over >= used:
        said = f"Transaction {numbers.over} of {account} is said to be over, the chain has only {used} of this account."
        yield _of(account, numbers.over, said)
    for nonce in numbers.twice:
        yield _of(account, nonce, f"The number {nonce} of {account} was given to two different transactions.")
    waiting = [nonce for nonce in numbers.waiting if nonce >= used]
    gaps = sorted(set(range(used, waiting[-1])) - set(waiting)) if waiting else []
    if gaps:
        said = f"{len(waiting)} transactions of {account} wait behind the number {gaps[0]}, which nobody has."
        yield _of(account, gaps[0], f"{said} The running service fills the gap by itself.")


def _of(account: str, nonce: int, detail: str) -> Problem:
    return Problem(detail, table="transactions", row=f"writer {account}, nonce {nonce}")


def payment_problems(session: Session) -> Iterator[Problem]:
    """Cases that were settled or paid more than once."""
    said = {"Settled": "settled", "Withdrawn": "paid"}
    for case_id, name, times in paid_twice(session):
        yield Problem(f"It was {said[name]} {times} times.", case_id=case_id, check=8)
