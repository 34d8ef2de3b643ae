"""The exception tree. No HTTP in it: `api.errors` maps each class to a status code.

LedgerError
├── InvalidInput          a value that cannot be right, whoever sends it
├── Unauthenticated       no valid credential
│   ├── LinkAltered       a link's token that cannot be read, or is by somebody else
│   ├── LinkExpired       a link that is over
│   ├── LinkErased        a link to a case whose personal data was erased
│   ├── LinkRevoked       a link that was taken back
│   ├── LinkUnknown       a link that this installation never made
│   └── SessionOver       a session that ended, or never was
├── Forbidden             a valid credential without the right
├── NotFound              no such thing, or none that this caller may see
├── Conflict              a value that does not fit what is recorded already
│   └── OutOfOrder        the case's state does not allow this act now
├── TooLarge              over a size limit
├── LimitExceeded         over a rate limit
├── Unavailable           a part of the system that is needed is down
│   └── Overloaded        more than can be taken now; what is there already is served
├── ChainMismatch         the chain is not the one the ledger was deployed to
├── ReorgTooDeep          the chain took back what counted as final
└── IntegrityFailure      stored data contradicts itself or the chain
"""

from __future__ import annotations


class LedgerError(Exception):
    """An error a person can act on.

    `detail` says what is wrong, `field` names the input it concerns, as a path such as `refund.amount`, and `remedy`
    says what to do.
    """

    def __init__(self, detail: str, *, field: str | None = None, remedy: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.remedy = remedy

    def __str__(self) -> str:
        named = f"{self.field}: {self.detail}" if self.field else self.detail
        return f"{named} {self.remedy}" if self.remedy else named


class InvalidInput(LedgerError):
    """A value that cannot be right, whoever sends it."""


class Malformed(LedgerError):
    """A body that cannot be read at all."""


class Unauthenticated(LedgerError):
    """No valid credential."""


class LinkAltered(Unauthenticated):
    """A link's token that cannot be read, or is signed by somebody else."""


class LinkExpired(Unauthenticated):
    """A link that is over."""


class LinkErased(Unauthenticated):
    """A link that ended with its case's personal data."""


class LinkRevoked(Unauthenticated):
    """A link that was taken back."""


class LinkUnknown(Unauthenticated):
    """A link that this installation never made."""


class SessionOver(Unauthenticated):
    """A session that ended, or that this installation never began."""


class Forbidden(LedgerError):
    """A valid credential that lacks the right."""


class NotFound(LedgerError):
    """No such thing, or none that this caller may see."""


class Conflict(LedgerError):
    """A value that does not fit what is recorded already."""


class OutOfOrder(Conflict):
    """The case's state does not allow this act now."""


class TooLarge(LedgerError):
    """Over a size limit."""


class LimitExceeded(LedgerError):
    """Over a rate limit; `retry_after` is in seconds."""

    def __init__(self, detail: str, *, retry_after: int, remedy: str | None = None) -> None:
        super().__init__(detail, remedy=remedy)
        self.retry_after = retry_after


class Unavailable(LedgerError):
    """A part of the system that is needed is down; `retry_after` is in seconds."""

    retry_after = 5


class Interrupted(Unavailable):
    """The database undid a unit of work in favour of another one. Nothing of it was kept, so it can be done again."""


class Overloaded(Unavailable):
    """More than can be taken now; what is there already is served."""

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail, remedy=f"Send the same again in {retry_after} seconds, with its Idempotency-Key.")
        self.retry_after = retry_after


class ChainMismatch(LedgerError):
    """The chain is not the one the ledger was deployed to."""


class ReorgTooDeep(LedgerError):
    """The chain took back what counted as final. Nothing is read or sent until an operator has looked."""


class IntegrityFailure(LedgerError):
    """Stored data contradicts itself or the chain."""
