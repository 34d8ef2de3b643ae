"""Which records a consumer is told about, and by which text: those that start a window of theirs, and the end."""

from __future__ import annotations

from sqlmodel import Session

from ..domain.entry import Entry
from ..domain.hashing import from_hex
from ..domain.transitions import GIVES_UP
from ..domain.vocabulary import Kind, Role, State
from ..store.disputes import links_of
from ..store.mails import was_noticed
from ..store.tables import ChainRecord

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


def template_of(session: Session, link: ChainRecord) -> str | None:
    """The name of the text for a record on the chain; None where the consumer loses nothing by not knowing."""
    kind, role = Kind.from_wire(link.kind), Role.from_wire(link.role)
    to = Entry.unpack(from_hex(link.entry)).state
    if kind in GIVES_UP and role is not Role.NONE and was_noticed(session, link):
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
