"""What consumers are told: at the start of each window, halfway, a day before its end; and what a reorg takes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
from sqlmodel import select

from ledger_service.domain.vocabulary import Kind, Role, State
from ledger_service.mail_sending import NeverTaken
from ledger_service.store.database import Database
from ledger_service.store.mails import claim_mail
from ledger_service.store.tables import ChainCase, Mail, OutboxRow, RecordRow
from ledger_service.workers import notifier as module
from ledger_service.workers.notifier import Notifier
from ledger_service.workers.telling import GRACE

from .telling_support import DAY, SHOP, Installation, MailBox

HOUR = 3_600


class Post:
    """An installation whose consumers all have addresses."""

    def __init__(self, home: Installation) -> None:
        self.home, self.box = home, MailBox()
        self.notifier = Notifier(home.app, self.box)

    def run(self) -> list[str]:
        """What was sent, by subject."""
        before = len(self.box.sent)
        self.home.tell()
        while self.notifier.step():
            pass
        return self.box.subjects[before:]

    def body(self) -> str:
        return str(self.box.sent[-1].get_content())


@pytest.fixture
def post(database: Database, monkeypatch: pytest.MonkeyPatch) -> Post:
    person = {"consumer.email": "ann@example.com", "consumer.name": "Ann"}
    monkeypatch.setattr(module, "opening_fields", lambda *_: person)
    monkeypatch.setattr(module, "issue_link", lambda *_: ("https://returns.example/s#token", "jti"))
    monkeypatch.setattr(module, "last_window_ends", lambda *_: 0)
    return Post(Installation(database))


AUTHORISED = "Please send your return RMA-1"


# --- windows ---------------------------------------------------------------------------------------------------------


def test_window_is_told_at_its_start_halfway_and_a_day_before_its_end(post: Post) -> None:
    home = post.home
    home.record(home.case(), 1)
    assert post.run() == ["Your return RMA-1", AUTHORISED]
    home.pass_time(7 * DAY - 1)
    assert post.run() == []
    home.pass_time(1)
    assert post.run() == [f"Reminder: {AUTHORISED}"]
    home.pass_time(6 * DAY)
    assert post.run() == [f"One day left: {AUTHORISED}"]
    assert "You have time until 15 March 2026, 12:00 UTC." in post.body()
    home.pass_time(30 * DAY)
    assert post.run() == []


@pytest.mark.parametrize(
    ("language", "subject", "deadline"),
    [
        ("de", "Noch ein Tag: Bitte senden Sie Ihre Ware zurück (RMA-1)", "15. März 2026, 12:00 Uhr UTC"),
        ("zh", "仅剩一天：请寄回您的退货 RMA-1", "2026年3月15日 12:00（UTC）"),
        ("ar", "بقي يوم واحد: يُرجى إرسال بضاعة طلب الإرجاع RMA-1", "15 مارس 2026، الساعة 12:00 (UTC)"),
    ],
)
def test_reminder_in_the_consumers_language(post: Post, language: str, subject: str, deadline: str) -> None:
    home = post.home
    home.record(home.case(language=language), 1)
    post.run()
    home.pass_time(13 * DAY)
    assert post.run() == [subject]
    assert deadline in post.body()


def test_consumer_who_acted_is_not_reminded(post: Post) -> None:
    home, case = post.home, post.home.case()
    home.record(case, 1)
    post.run()
    home.record(case, 2, Kind.PICKED_UP, Role.CONSUMER, State.PICKED_UP)
    home.pass_time(13 * DAY)
    assert post.run() == []
    assert ("authorised", "last_day", "dropped") in home.mails()


def test_act_on_its_way_puts_the_reminder_off_and_a_refusal_brings_it_back(post: Post) -> None:
    home, case = post.home, post.home.case()
    home.record(case, 1)
    post.run()
    with home.database.write() as session:
        session.add(_accepted(case))
        session.flush()
        session.add(
            OutboxRow(action="act", subject="rec_mine", case_id=case, record_id="rec_mine", created_at=0, tx_hash=None)
        )
    home.pass_time(7 * DAY)
    assert post.run() == []
    with home.database.write() as session:
        row = session.get_one(OutboxRow, 1)
        row.done = True  # the contract refused it: the window is still the consumer's to miss
    home.pass_time(60)
    assert post.run() == [f"Reminder: {AUTHORISED}"]


def _accepted(case_id: str) -> RecordRow:
    return RecordRow(
        record_id="rec_mine",
        case_id=case_id,
        kind="cancelled",
        role="consumer",
        signer=SHOP,
        key_holder="service",
        canonical=b"{}",
        commitment="0x" + "77" * 32,
        nonce=0,
        valid_until=0,
        signature=b"",
        occurred_at=0,
        accepted_at=0,
        receipt="",
    )


def test_service_that_was_down_says_what_still_matters_once(post: Post) -> None:
    home = post.home
    home.record(home.case(), 1)
    home.pass_time(13 * DAY + 6 * HOUR)
    assert post.run() == ["Your return RMA-1", AUTHORISED]
    home.record(home.case(2), 1)
    home.pass_time(15 * DAY)
    assert post.run() == ["Your return RMA-2"]  # its window is over: nobody could do anything about it


def test_reminders_that_both_came_due_are_one(post: Post) -> None:
    home = post.home
    home.record(home.case(), 1)
    post.run()
    home.pass_time(13 * DAY + HOUR)
    assert post.run() == [f"One day left: {AUTHORISED}"]


@pytest.mark.parametrize(("share", "claim", "reminded"), [(5_000, 10_000, True), (10_000, 10_000, False)])
def test_ruling_that_cannot_be_appealed_is_no_window(post: Post, share: int, claim: int, reminded: bool) -> None:
    home, case = post.home, post.home.case()
    home.record(case, 1, Kind.RULED, Role.PANEL, State.RULED)
    with home.database.write() as session:
        found = session.get_one(ChainCase, case)
        found.share, found.consumer_claim = share, claim
    post.run()
    home.pass_time(13 * DAY)
    assert bool(post.run()) is reminded


def test_dispute_is_told_once_since_nobody_loses_by_silence(post: Post) -> None:
    home = post.home
    home.record(home.case(), 1, Kind.DISPUTED, Role.MERCHANT, State.DISPUTED)
    assert len(post.run()) == 2
    home.pass_time(13 * DAY)
    assert post.run() == []


def test_consumer_without_an_address_is_told_nothing(post: Post) -> None:
    home = post.home
    home.record(home.case(mail=False), 1)
    assert post.run() == []
    assert home.mails() == []


# --- reorgs ----------------------------------------------------------------------------------------------------------


def test_record_that_is_gone_for_good_is_corrected_and_what_takes_its_place_told(post: Post) -> None:
    home, case = post.home, post.home.case()
    home.mine(5)
    home.record(case, 1)
    post.run()
    home.reorg(5)
    home.mine(3)
    assert post.run() == []
    home.pass_time(GRACE - 1)
    assert post.run() == []
    home.pass_time(1)
    assert post.run() == ["Correction about your return RMA-1"]
    assert f"“{AUTHORISED}”" in post.body()
    home.pass_time(DAY)
    assert post.run() == []  # once, and no reminder of a window that is none
    home.record(case, 1, Kind.DECLINED, Role.MERCHANT, State.DECLINED)
    assert post.run() == ["Your return RMA-1 was declined"]


def test_record_that_comes_back_soon_says_the_same_to_a_person(post: Post) -> None:
    home, case = post.home, post.home.case()
    home.mine(5)
    home.record(case, 1)
    post.run()
    home.reorg(5)
    home.pass_time(30)
    home.record(case, 1)
    home.mine()
    assert post.run() == []
    home.pass_time(GRACE)
    assert post.run() == []
    home.pass_time(13 * DAY - GRACE)
    assert post.run() == [f"One day left: {AUTHORISED}"]  # the reminders went along, to the new end
    assert "15 March 2026, 12:00 UTC" in post.body()


def test_another_record_in_its_place_is_told_and_the_first_corrected(post: Post) -> None:
    home, case = post.home, post.home.case()
    home.mine(5)
    home.record(case, 1)
    post.run()
    home.reorg(5)
    home.record(case, 1, Kind.DECLINED, Role.MERCHANT, State.DECLINED)
    assert post.run() == ["Your return RMA-1 was declined"]
    home.pass_time(GRACE)
    assert post.run() == ["Correction about your return RMA-1"]


def test_record_that_comes_back_with_an_earlier_deadline_is_told_anew_and_never_called_off(post: Post) -> None:
    home, case = post.home, post.home.case()
    home.mine(5)
    home.pass_time(60)
    home.record(case, 1)
    post.run()
    home.reorg(5)
    home.pass_time(-2)
    home.record(case, 1)
    home.mine()
    assert post.run() == [AUTHORISED]
    home.pass_time(GRACE + 2)
    assert post.run() == []


def test_two_reorgs_within_the_grace_hold_nothing_up(post: Post) -> None:
    home, case = post.home, post.home.case()
    home.mine(5)
    home.pass_time(60)
    home.record(case, 1)
    post.run()
    for moved in (-2, 1):
        home.reorg(5)
        home.pass_time(moved)
        home.record(case, 1)
        home.mine()
        post.run()
    home.pass_time(GRACE + 1)
    assert post.run() == []
    home.pass_time(13 * DAY - GRACE)
    assert post.run() == [f"One day left: {AUTHORISED}"]


def test_correction_that_is_late_is_not_sent_once_the_record_stands_again(post: Post) -> None:
    home, case = post.home, post.home.case()
    home.mine(5)
    home.record(case, 1)
    post.run()
    fork = home.fork
    home.reorg(5)
    home.mine(2)
    home.tell()
    home.pass_time(GRACE)
    home.tell()  # the correction is due, and no mail server is there
    home.pass_time(-GRACE)
    home.reorg(5)
    home.fork = fork
    home.record(case, 1)
    home.tell()
    home.pass_time(GRACE)
    assert "Correction about your return RMA-1" not in post.run()


def test_record_that_comes_back_after_its_correction_is_told_again(post: Post) -> None:
    home, case = post.home, post.home.case()
    home.mine(5)
    home.record(case, 1)
    post.run()
    fork = home.fork
    home.reorg(5)
    home.mine(2)
    post.run()
    home.pass_time(GRACE)
    post.run()
    home.pass_time(-GRACE)  # into the very block that it stood in before
    home.reorg(5)
    home.fork = fork
    home.record(case, 1)
    assert post.run() == [f"It counts again: {AUTHORISED}"]
    assert post.run() == []


def taken_back_and_returned(post: Post, *, sent: bool = True, corrected: bool = True) -> None:
    """A record that is gone for longer than the grace, and then stands again in the very block that it stood in before.
    `sent` and `corrected` are whether a mail server was there for the first message, and for its correction."""
    home, case = post.home, post.home.case()
    post.run()
    home.mine(5)
    home.record(case, 1)
    post.run() if sent else home.tell()
    fork = home.fork
    home.reorg(5)
    home.mine(2)
    home.tell()
    home.pass_time(GRACE)
    post.run() if corrected else home.tell()
    home.pass_time(-GRACE)
    home.reorg(5)
    home.fork = fork
    home.record(case, 1)
    post.box.sent.clear()


def test_record_that_comes_back_after_its_correction_keeps_its_reminders(post: Post) -> None:
    taken_back_and_returned(post)
    assert post.run() == [f"It counts again: {AUTHORISED}"]
    post.home.pass_time(7 * DAY)
    assert post.run() == [f"Reminder: {AUTHORISED}"]
    post.home.pass_time(6 * DAY)
    assert post.run() == [f"One day left: {AUTHORISED}"]


def test_record_that_was_never_told_is_told_for_the_first_time_when_it_comes_back(post: Post) -> None:
    taken_back_and_returned(post, sent=False)
    assert post.run() == [AUTHORISED]
    post.home.pass_time(13 * DAY)
    assert post.run() == [f"One day left: {AUTHORISED}"]


def test_record_that_comes_back_before_its_correction_went_out_says_nothing(post: Post) -> None:
    taken_back_and_returned(post, corrected=False)
    assert post.run() == []
    post.home.pass_time(13 * DAY)
    assert post.run() == [f"One day left: {AUTHORISED}"]


@pytest.mark.parametrize("first_correction", [True, False])
def test_record_that_goes_for_good_after_it_came_back_is_corrected(post: Post, first_correction: bool) -> None:
    taken_back_and_returned(post, corrected=first_correction)
    post.run()
    home = post.home
    home.reorg(5)
    home.mine(2)
    home.tell()
    home.pass_time(GRACE)
    assert post.run() == ["Correction about your return RMA-1"]
    home.pass_time(13 * DAY)
    assert post.run() == []


def test_mail_that_is_on_its_way_while_its_record_goes_is_corrected_too(post: Post) -> None:
    """It was handed to the mail server, and nobody has noted that yet."""
    home, case = post.home, post.home.case()
    post.run()
    home.mine(5)
    home.record(case, 1)
    home.tell()
    sending = post.box.send

    def send_while_it_is_taken_back(mail_id: int, message: EmailMessage) -> None:
        post.box.send = sending  # type: ignore[method-assign]
        home.reorg(5)
        home.mine(2)
        home.tell()
        home.pass_time(GRACE)
        home.tell()
        sending(mail_id, message)

    post.box.send = send_while_it_is_taken_back  # type: ignore[method-assign]
    assert post.run() == [AUTHORISED]
    assert post.run() == ["Correction about your return RMA-1"]


@pytest.mark.parametrize("taken", [True, False])
def test_correction_waits_for_what_another_worker_is_sending(post: Post, taken: bool) -> None:
    """A reminder, while the first message, which went out before, is corrected. `taken` is whether the mail server
    takes the reminder."""
    home, case = post.home, post.home.case()
    home.mine(5)
    home.record(case, 1)
    assert AUTHORISED in post.run()
    home.pass_time(7 * DAY)

    def take_the_record_back() -> None:
        home.reorg(5)
        home.mine(2)
        home.tell()
        home.pass_time(GRACE)
        home.tell()

    first, last = f"Reminder: {AUTHORISED}", "Correction about your return RMA-1"
    while_sending(post, take_the_record_back, taken=taken)
    post.run()
    home.pass_time(HOUR)
    assert post.run() == [last]
    home.pass_time(13 * DAY)
    assert post.run() == []
    assert post.box.subjects[-2:] == [first if taken else AUTHORISED, last]


def while_sending(post: Post, happens: Callable[[], None], *, taken: bool) -> None:
    """While the next mail is on its way something happens, and another worker has its turn. `taken` is whether the mail
    server takes the mail in the end."""
    sending = post.box.send

    def send(mail_id: int, message: EmailMessage) -> None:
        post.box.send = sending  # type: ignore[method-assign]
        happens()
        Notifier(post.home.app, post.box).step()
        if not taken:
            raise ConnectionError
        sending(mail_id, message)

    post.box.send = send  # type: ignore[method-assign]


def test_mail_that_did_not_go_out_before_the_reorg_never_does(post: Post) -> None:
    home, case = post.home, post.home.case()
    home.mine(5)
    home.record(case, 1)
    home.tell()
    home.reorg(5)
    home.mine(3)
    assert post.run() == ["Your return RMA-1"]
    home.pass_time(GRACE)
    assert post.run() == []
    assert {state for template, _, state in home.mails() if template == "authorised"} == {"dropped"}


def test_mails_of_the_release_before_are_not_sent_again(post: Post) -> None:
    """They kept no head."""
    home, case = post.home, post.home.case()
    link = home.record(case, 1)
    with home.database.write() as session:
        session.add(Mail(case_id=case, template="authorised", position=1, due_at=0, state="sent", sent_at=1))
    assert post.run() == ["Your return RMA-1"]
    assert [row.head for row in home.rows(Mail) if row.sent_at == 1] == [link.head]
    home.pass_time(13 * DAY)
    assert post.run() == [f"One day left: {AUTHORISED}"]


# --- openings that are refused ---------------------------------------------------------------------------------------

NOT_OPENED = "Your return RMA-1 was not opened"


def test_opening_that_is_refused_for_good_is_told_to_who_was_told_of_it(post: Post) -> None:
    home, case = post.home, post.home.case()
    home.app.settings.confirmations_needed = 3
    assert post.run() == ["Your return RMA-1"]
    home.refuse_opening(case)
    assert post.run() == []  # a reorg may still take the refusal back
    home.mine(3)
    assert post.run() == [NOT_OPENED]
    assert "https://returns.example/s#token" in post.body()
    home.mine(3)
    home.refuse_opening(case)
    home.mine(3)
    assert post.run() == []


@pytest.mark.parametrize(("taken", "told"), [(True, ["Your return RMA-1", NOT_OPENED]), (False, [])])
def test_refused_opening_is_the_last_word_also_while_another_worker_sends(
    post: Post, taken: bool, told: list[str]
) -> None:
    home, case = post.home, post.home.case()

    def refuse() -> None:
        home.refuse_opening(case)
        home.tell()

    while_sending(post, refuse, taken=taken)
    for _ in range(3):
        post.run()
        home.pass_time(HOUR)
    assert post.box.subjects == told


def test_opening_that_a_worker_may_have_sent_before_it_ended_is_called_off(post: Post) -> None:
    home, case = post.home, post.home.case()
    with home.database.write() as session:
        mail = session.exec(select(Mail)).one()
        assert claim_mail(session, mail.id or 0, home.clock.seconds(), home.clock.seconds() + 180)
    home.pass_time(HOUR)
    home.refuse_opening(case)
    assert post.run() == [NOT_OPENED]


def test_opening_that_is_refused_before_it_was_told_is_not_told_at_all(post: Post) -> None:
    home = post.home
    home.refuse_opening(home.case())
    assert post.run() == []
    assert home.mails() == [("opened", "start", "dropped")]


def test_opening_that_stands_in_spite_of_a_refusal_is_not_called_off(post: Post) -> None:
    """As one that was sent twice."""
    home, case = post.home, post.home.case()
    post.run()
    refusal = home.refuse_opening(case)
    home.record(case, 0, Kind.REQUESTED, Role.MERCHANT, State.REQUESTED, commitment=refusal.commitment)
    assert post.run() == []


def test_opening_that_is_refused_ahead_of_its_turn_is_told_once_it_is_over(post: Post) -> None:
    home, case = post.home, post.home.case()
    post.run()
    for is_over, told in ((False, []), (True, [NOT_OPENED])):
        home.refuse_opening(case)
        with home.database.write() as session:
            for row in session.exec(select(OutboxRow).where(OutboxRow.action == "open")):
                row.done = is_over
                session.add(row)
        home.mine(3)
        assert post.run() == told


def test_refusal_of_long_ago_is_no_news(post: Post) -> None:
    home, case = post.home, post.home.case()
    post.run()
    home.pass_time(40 * DAY)
    home.refuse_opening(case)
    assert post.run() == []


# --- sending ---------------------------------------------------------------------------------------------------------


def test_worker_killed_after_sending_leaves_it_to_the_next_under_the_same_id(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.home.case()

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(Notifier, "_keep", die)
        with pytest.raises(KeyboardInterrupt):
            post.run()
    assert post.run() == []  # claimed: nobody else sends it for a while
    post.home.pass_time(181)
    assert post.run() == ["Your return RMA-1"]
    assert len({message["Message-ID"] for message in post.box.sent}) == 1


def test_two_notifiers_send_it_once(post: Post) -> None:
    post.home.case()
    second = Notifier(post.home.app, post.box)
    sending = post.box.send

    def send_while_the_other_looks(mail_id: int, message: EmailMessage) -> None:
        second.step()
        sending(mail_id, message)

    post.box.send = send_while_the_other_looks  # type: ignore[method-assign]
    post.notifier.step()
    assert len(post.box.sent) == 1


@pytest.mark.parametrize(("failure", "tries"), [(NeverTaken(), 3), (OSError(), 14), (ValueError(), 3)])
def test_mail_that_is_not_taken_is_shown_as_failed_after_some_tries(post: Post, failure: Exception, tries: int) -> None:
    post.home.case()
    post.box.failure = failure
    for attempt in range(1, tries + 1):
        post.run()
        (row,) = post.home.rows(Mail)
        assert (row.attempts, row.last_error) == (attempt, type(failure).__name__)
        assert row.state == ("failed" if attempt == tries else "due")
        post.home.pass_time(row.due_at - post.home.clock.seconds())
    post.box.failure = None
    post.home.pass_time(DAY)
    assert post.run() == []


@pytest.mark.parametrize("language", ["en", "de", "zh", "ar"])
def test_every_language_has_every_occasion(language: str) -> None:
    texts = json.loads((module.files("ledger_service") / "mail_texts" / f"{language}.json").read_text("utf-8"))
    assert set(texts["occasions"]) == {"halfway", "last_day", "again", "correction"}
    assert len(texts["months"]) == 12
