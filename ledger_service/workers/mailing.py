"""The messages to a consumer about one record: at the start of its window, its reminders, and what a reorg makes of it.

They are bound to the record's head. A record that moves takes along what was said and still holds; one that stands
again where it stood before it was called off is told anew, and what was said before stays under a head of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session

from ..domain.reminders import reminders
from ..store import mails as sql
from ..store.tables import ChainRecord, Mail
from .announcing import WINDOWS, is_open, template_of, window_end

_SAYING = ("start", "again")  # occasions of messages that say a record for the first time, or once more
_SAME_DEADLINE = 3_600  # a record that comes back with its deadline this much later says the same to a person

_NEWS = 30 * 86_400  # seconds after which that a return was opened is called off to nobody any more


def make_mails(session: Session, link: ChainRecord, now: int) -> None:
    """The messages about a record that stands on the chain, as far as they are not made yet."""
    template = template_of(session, link)
    if template is None:
        return
    ends = window_end(session, link)
    about = sql.mails_about(session, link.case_id, link.position)
    same = [mail for mail in about if mail.head == link.head]
    if same and not any(mail.corrected for mail in same):
        return
    if same:
        occasion = _what_to_say_again(session, about, link)
    else:
        told = [mail for mail in about if not mail.corrected]
        occasion = None if _take_over(session, told, link, template, ends) else "start"
    if not is_open(session, link, template, ends, now):
        return
    moments = [(occasion, now)] if occasion else []
    moments += reminders(link.time, ends, now) if template in WINDOWS else []
    for each, moment in moments:
        _add(session, link, template, each, moment, ends)


def _add(session: Session, link: ChainRecord, template: str, occasion: str, due_at: int, ends: int) -> None:
    sql.add_mail(
        session,
        case_id=link.case_id,
        template=template,
        position=link.position,
        due_at=due_at,
        head=link.head,
        occasion=occasion,
        block_number=link.block_number,
        deadline=ends,
    )


def _take_over(session: Session, told: Sequence[Mail], link: ChainRecord, template: str, ends: int) -> bool:
    """Whether what was said about an earlier head of this record still holds; its messages are then about this one.
    Those that were sent by a release which kept no head hold as well."""
    held = [
        mail
        for mail in told
        if mail.occasion in _SAYING
        and mail.template == template
        and (mail.head == "" or 0 <= ends - mail.deadline <= _SAME_DEADLINE)
    ]
    if not held:
        return False
    for mail in told:
        if mail.occasion == "correction" or mail.head != held[-1].head:
            continue
        if mail.state == "due" and mail.occasion != "start":
            mail.due_at += ends - mail.deadline
        mail.head, mail.block_number, mail.missing_since = link.head, link.block_number, None
        mail.deadline = ends
        session.add(mail)
    session.flush()
    return True


def _what_to_say_again(session: Session, about: Sequence[Mail], link: ChainRecord) -> str | None:
    """The occasion of the message about a record that stands again where it stood before it was corrected; None where
    all that went out still holds, because no correction did. What never went out is forgotten."""
    same = [mail for mail in about if mail.head == link.head]
    went = [mail for mail in same if sql.went_out(mail)]
    for mail in same:
        if mail not in went:
            session.delete(mail)
    is_said = any(mail.occasion in _SAYING for mail in went)
    is_called_off = any(mail.occasion == "correction" for mail in went)
    holds = is_said and not is_called_off and not _is_said_otherwise(about, link)
    earlier = {mail.head for mail in about if mail.head.startswith(f"{link.head}/")}
    for mail in went:
        mail.corrected, mail.missing_since = not holds, None
        if not holds:
            mail.head = f"{link.head}/{len(earlier) + 1}"
        session.add(mail)
    session.flush()
    if holds:
        return None
    return "again" if is_said and is_called_off else "start"


def _is_said_otherwise(about: Sequence[Mail], link: ChainRecord) -> bool:
    """Whether the last that was said at this place is about another head."""
    return any(
        mail.occasion in _SAYING and mail.head != link.head and not mail.corrected and sql.went_out(mail)
        for mail in about
    )


def is_said_anew(session: Session, mail: Mail) -> bool:
    """Whether the same is said about the record that stands in the message's place now."""
    return any(
        other.template == mail.template and other.occasion in _SAYING and sql.link_of(session, other)
        for other in sql.mails_about(session, mail.case_id, mail.position)
    )


def correct_mail(session: Session, mail: Mail, now: int) -> None:
    """What went out is corrected, once for each record, unless the same was said anew about what stands now; what did
    not go out is dropped."""
    mail.corrected, mail.missing_since = True, None
    is_wrong = sql.went_out(mail) and not is_said_anew(session, mail)
    if mail.state == "due":
        mail.state = "dropped"
    session.add(mail)
    session.flush()
    if is_wrong:
        sql.add_mail(
            session,
            case_id=mail.case_id,
            template=mail.template,
            position=mail.position,
            due_at=now,
            head=mail.head,
            occasion="correction",
        )


def call_off_opening(session: Session, case_id: str, now: int) -> None:
    """The contract refused the opening for good: who was told of it is told that. What did not go out is dropped."""
    opened, *more = sql.mails_about(session, case_id, 0)
    if more or now - (opened.sent_at or now) > _NEWS:
        return
    if opened.state == "due" and opened.claimed_until <= now:
        opened.state = "dropped"
        session.add(opened)
    if sql.went_out(opened):
        sql.add_mail(session, case_id=case_id, template="not_opened", position=0, due_at=now, occasion="correction")
