"""When something on the chain is ours: the one place that says so.

The contracts let anybody put any commitment into acts and votes of their own, so a commitment alone proves nothing. An
account stands in its checksum form on both sides.
"""

from __future__ import annotations

from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import ColumnElement, and_, exists
from sqlalchemy.orm import aliased
from sqlmodel import col

from .tables import ChainRecord, ChainRefusal, ChainVote, OutboxRow, RecordRow, VoteRow

Identity = tuple[Any, ...]
_LINK = ("case_id", "kind", "role", "actor", "commitment")
_RECORD = ("case_id", "kind", "role", "signer", "commitment")
_VOTE = ("case_id", "round", "arbitrator", "commitment")
_REFUSAL = ("case_id", "commitment")  # all that the contracts say of what they refuse

link_identity = attrgetter(*_LINK)
record_identity = attrgetter(*_RECORD)
vote_identity = attrgetter(*_VOTE)  # of an accepted vote, and of one that was counted
_columns_of_link = itemgetter(*_LINK)


def is_recorded_by(record: RecordRow, link: dict[str, Any]) -> bool:
    """Whether a link, by columns, is this record's."""
    return bool(record_identity(record) == _columns_of_link(link))


def _same(left: Identity, right: Identity) -> ColumnElement[bool]:
    return and_(*(one == other for one, other in zip(left, right, strict=True)))


RECORDED = _same(link_identity(ChainRecord), record_identity(RecordRow))
COUNTED = _same(vote_identity(ChainVote), vote_identity(VoteRow))
REFUSED = _same(attrgetter(*_REFUSAL)(ChainRefusal), attrgetter(*_REFUSAL)(RecordRow))
VOTE_REFUSED = _same(attrgetter(*_REFUSAL)(ChainRefusal), attrgetter(*_REFUSAL)(VoteRow))


def _is_over(identifier: Any) -> ColumnElement[bool]:
    """Whether nothing sends it (once more)."""
    sent = aliased(OutboxRow)
    return exists().where(col(sent.record_id) == identifier, col(sent.done).is_(True))


# What was refused ahead of its turn is sent again (`judged.py`). For good is a refusal of what is not recorded either.
REJECTED = REFUSED & _is_over(col(RecordRow.record_id))
VOTE_REJECTED = VOTE_REFUSED & _is_over(col(VoteRow.vote_id))
