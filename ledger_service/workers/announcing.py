"""Which records a consumer is told about, by which text, and until when they can act on it: those that start a window
of theirs, and the end."""

from __future__ import annotations

import json
from collections.abc import Callable

from sqlmodel import Session

from ..domain.entry import Entry
from ..domain.hashing import from_hex
from ..domain.transitions import GIVES_UP
from ..domain.vocabulary import Kind, Role, State
from ..store.cases import chain_case
from ..store.disputes import links_of
from ..store.mails import notice_of
from ..store.tables import ChainCase, ChainRecord

_PLAIN = (
    Kind.AUTHORISED,
    Kind.DECLINED,
    Kind.INSPECTED,
    Kind.EXCHANGE_DELIVERED,
    Kind.REFUNDED,
    Kind.SETTLED,
    Kind.CLOSED,
)
_BY_MERCHANT = {Kind.APPEALED: "appealed", Kind.EXCHANGE_AGREED: "exchange_offered", Kind.SPLIT: "split_offered"}
_DISPUTES = (Kind.DISPUTED, Kind.CHALLENGED)
ANNOUNCED = tuple({kind.wire for kind in (*_PLAIN, *_BY_MERCHANT, *GIVES_UP, Kind.DISPUTED, Kind.RULED)})

# The texts about a window that closes to the consumer's loss if they let it pass, and when it can do so at all. Where
# only others lose by silence, as in a dispute, nobody is reminded.
WINDOWS: dict[str, Callable[[ChainCase], bool]] = {
    "authorised": lambda _: True,
    "declined": lambda _: True,
    "inspected": lambda _: True,
    "refunded": lambda _: True,
    "exchange_delivered": lambda _: True,
    "notice": lambda _: True,
    "ruled": lambda case: case.share < case.consumer_claim,
}


def window_end(session: Session, link: ChainRecord) -> int:
    """The last second, since 1970 UTC, at which what a record started can be acted on; 0 where there is no such."""
    deadline = Entry.unpack(from_hex(link.entry)).deadline
    notice = notice_of(session, link) if Kind.from_wire(link.kind) in GIVES_UP else None
    return min(deadline, int(json.loads(notice.args)["effectiveAt"])) if notice else deadline


def is_open(session: Session, link: ChainRecord, template: str, ends: int, now: int) -> bool:
    """Whether the consumer can still act on what a text says. Of those that are about no window: always."""
    if template not in WINDOWS:
        return True
    case = chain_case(session, link.case_id)
    if case is None or case.due != ends or now > ends or not WINDOWS[template](case):
        return False
    return case.state == Entry.unpack(from_hex(link.entry)).state.wire


def template_of(session: Session, link: ChainRecord) -> str | None:
    """The name of the text for a record on the chain; None where the consumer loses nothing by not knowing."""
    kind, role = Kind.from_wire(link.kind), Role.from_wire(link.role)
    to = Entry.unpack(from_hex(link.entry)).state
    if kind in GIVES_UP and role is not Role.NONE and notice_of(session, link):
        return "notice"
    if kind in _PLAIN:
        return kind.wire
    if kind is Kind.CANCELLED:
        return "closed"
    if kind is Kind.RULED:
        return {State.RULED: "ruled", State.PAYABLE: "decided"}.get(to)
    if kind is Kind.DISPUTED:
        return _template_of_dispute(session, link, role)
    return _BY_MERCHANT.get(kind) if role is Role.MERCHANT and to.is_live else None


def _template_of_dispute(session: Session, link: ChainRecord, role: Role) -> str | None:
    """Of the record that opened it: claims stated anew, and the turn to the fallback panel, ask nothing of anybody."""
    opened = [each for kind in _DISPUTES for each in links_of(session, link.case_id, kind.wire)]
    if role is Role.CONSUMER or any(each.position < link.position for each in opened):
        return None
    return "disputed_by_merchant" if role is Role.MERCHANT else "disputed"
