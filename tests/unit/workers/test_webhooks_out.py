"""From the read model to a merchant's server: once, signed, again if it fails, and never held up by others."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from receiver import Receiver, Reply, closed_port
from sqlalchemy import insert
from sqlmodel import SQLModel

from ledger_service import webhook_sending
from ledger_service.domain.retries import DELAYS
from ledger_service.domain.vocabulary import Kind, Role, State
from ledger_service.services import webhook_endpoints
from ledger_service.store.database import Database
from ledger_service.store.tables import WebhookDelivery, WebhookEndpoint, WebhookEvent
from ledger_service.workers import webhooks_out as module
from ledger_service.workers.telling import GRACE, Teller

from .telling_support import DAY, SHOP, STRANGER, Installation, settle

RECORDED, FINAL, MOVED_BACK = "milestone.recorded", "milestone.final", "milestone.moved_back"


@pytest.fixture
def home(database: Database) -> Installation:
    return Installation(database, confirmations=3)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def deliver(home: Installation) -> None:
    deliverer = home.deliverer()
    settle(deliverer)
    deliverer.stop()


# --- what is told ----------------------------------------------------------------------------------------------------


def test_record_is_told_once_when_it_is_recorded_and_once_when_it_is_final(
    home: Installation, receiver: Receiver
) -> None:
    secret = home.endpoint(receiver.url)["secret"]
    link = home.record(home.case(), 1)
    for _ in range(3):
        home.tell()
        deliver(home)
    (told,) = receiver.bodies(secret)
    assert told["type"] == RECORDED
    assert told["data"] == {
        "case_id": link.case_id,
        "reference": "RMA-1",
        "refund": {"amount": "19.80", "currency": "GBP"},
        "record_id": "rec_" + link.commitment[2:14],
        "kind": "authorised",
        "role": "merchant",
        "stage": "recorded",
        "position": 1,
        "head": link.head,
        "commitment": link.commitment,
        "state": "authorised",
        "deadline": "2026-03-15T12:00:00Z",
        "recorded_at": "2026-03-01T12:00:00Z",
        "transaction": link.tx_hash,
    }
    home.mine(3)
    home.tell()
    deliver(home)
    assert [body["type"] for body in receiver.bodies(secret)] == [RECORDED, FINAL]


def test_end_of_a_case_is_told_when_it_is_final(home: Installation, receiver: Receiver) -> None:
    secret = home.endpoint(receiver.url, types=["case.settled"])["secret"]
    home.record(home.case(), 5, Kind.SETTLED, Role.NONE, State.SETTLED, ours=False)
    home.tell()
    assert home.deliveries() == []
    home.mine(3)
    home.tell()
    deliver(home)
    (told,) = receiver.bodies(secret)
    assert told["type"] == "case.settled"
    assert told["data"]["to_consumer"] == "0.00"


def test_only_those_who_may_see_the_case_are_told(home: Installation, receiver: Receiver) -> None:
    carrier, auditor = home.account("carrier", STRANGER), home.account("auditor", "0x" + "33" * 20)
    other = home.account("merchant", "0x" + "44" * 20)
    for account in (home.merchant, carrier, auditor, other):
        home.endpoint(receiver.url + f"/{account.role}/{account.id}", account)
    home.record(home.case(1), 1)
    home.record(home.case(2, merchant=STRANGER), 1)
    home.tell()
    deliver(home)
    told = Counter(got.path.rsplit("/", 2)[1] for got in receiver.got)
    assert told == {"merchant": 1, "carrier": 1, "auditor": 2}


def test_endpoint_is_told_of_what_comes_after_it_and_nothing_after_its_account_ended(
    home: Installation, receiver: Receiver
) -> None:
    case = home.case()
    home.record(case, 1)
    home.endpoint(receiver.url)
    home.record(case, 2, Kind.PICKED_UP, Role.CARRIER, State.PICKED_UP)
    home.tell()
    assert [row.payload.count('"position":2') for row in home.rows(WebhookEvent)] == [1]
    with home.database.write() as session:
        account = session.get_one(type(home.merchant), home.merchant.id)
        account.disabled_at = 1
    home.record(case, 3, Kind.RECEIVED, Role.CARRIER, State.RECEIVED)
    home.tell()
    assert len(home.deliveries()) == 1


def test_two_tellers_tell_once(home: Installation, receiver: Receiver) -> None:
    home.endpoint(receiver.url)
    for number in range(1, 40):
        home.record(home.case(number), 1)
    tellers = [Teller(home.app) for _ in range(4)]

    def run(teller: Teller) -> None:
        while teller.step():
            pass

    threads = [threading.Thread(target=run, args=(teller,)) for teller in tellers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    home.tell()
    told = Counter(row.about for row in home.rows(WebhookEvent) if row.type == RECORDED)
    assert len(told) == 39
    assert set(told.values()) == {1}
    assert len(home.deliveries()) == len(home.rows(WebhookEvent))


# --- reorgs ----------------------------------------------------------------------------------------------------------


def test_record_that_a_reorg_takes_for_good_is_corrected_after_a_grace(home: Installation, receiver: Receiver) -> None:
    secret = home.endpoint(receiver.url)["secret"]
    home.mine(5)
    link = home.record(home.case(), 1)
    home.tell()
    home.reorg(5)
    home.mine(3)
    home.tell()
    assert home.events() == [RECORDED]
    home.pass_time(GRACE)
    home.tell()
    home.tell()
    deliver(home)
    told, corrected = sorted(receiver.bodies(secret), key=lambda body: body["timestamp"])
    assert corrected["type"] == MOVED_BACK
    assert (corrected["data"]["head"], corrected["data"]["stage"]) == (link.head, "accepted")
    assert corrected["data"]["corrects"] in {got.event_id for got in receiver.got}
    assert told["type"] == RECORDED


def test_record_that_comes_back_at_once_is_told_with_its_new_head_and_not_corrected(
    home: Installation, receiver: Receiver
) -> None:
    home.endpoint(receiver.url, types=[RECORDED, MOVED_BACK])
    case = home.case()
    home.mine(5)
    first = home.record(case, 1)
    home.tell()
    home.reorg(5)
    home.pass_time(12)
    second = home.record(case, 1)
    home.tell()
    home.pass_time(GRACE)
    home.mine()
    home.tell()
    told = [json.loads(row.payload)["data"] for row in home.rows(WebhookEvent)]
    assert sorted((data["head"], data.get("replaces")) for data in told) == sorted(
        [(first.head, None), (second.head, first.head)]
    )


def test_record_that_comes_back_after_its_correction_is_told_again(home: Installation, receiver: Receiver) -> None:
    home.endpoint(receiver.url, types=[RECORDED, MOVED_BACK])
    case = home.case()
    home.mine(5)
    home.record(case, 1)
    home.tell()
    fork = home.fork
    home.reorg(5)
    home.mine(2)
    home.tell()
    home.pass_time(GRACE)
    home.tell()
    assert home.events() == [RECORDED, MOVED_BACK]
    home.reorg(5)
    home.fork = fork  # the first fork wins after all, and with it the very same block
    home.record(case, 1)
    home.tell()
    assert Counter(home.events()) == {RECORDED: 2, MOVED_BACK: 1}
    assert len({row.id for row in home.rows(WebhookEvent)}) == 3


def test_fork_and_back_within_the_grace_leaves_the_last_word_to_the_chain(
    home: Installation, receiver: Receiver
) -> None:
    secret = home.endpoint(receiver.url, types=[RECORDED, MOVED_BACK])["secret"]
    case = home.case()
    home.mine(5)
    first, fork = home.record(case, 1), home.fork
    home.tell()
    deliver(home)
    home.reorg(5)
    second = home.record(case, 1)
    home.tell()
    deliver(home)
    home.reorg(5)
    home.fork = fork
    home.record(case, 1)
    home.mine()
    home.tell()
    home.pass_time(GRACE)
    home.tell()
    deliver(home)
    heads = [body["data"]["head"] for body in receiver.bodies(secret)]
    assert heads == [first.head, second.head, first.head]
    assert len({got.event_id for got in receiver.got}) == 3


def test_rebuild_of_the_index_corrects_nothing(home: Installation, receiver: Receiver) -> None:
    """Everything is gone from the read model for a while, and comes back as it was."""
    home.endpoint(receiver.url)
    case = home.case()
    home.mine(80)
    home.record(case, 1)
    home.tell()
    fork, home.block = home.fork, 81
    home.reorg(0)
    home.tell()
    home.pass_time(GRACE * 2)
    home.tell()
    home.fork = fork
    home.mine(80)
    home.record(case, 1)
    home.mine(5)
    home.tell()
    home.pass_time(GRACE * 2)
    home.tell()
    assert Counter(home.events()) == {RECORDED: 1, FINAL: 1}


# --- tries -----------------------------------------------------------------------------------------------------------


def tried(home: Installation) -> tuple[str, int, int | None, str | None]:
    (row,) = home.deliveries()
    return row.state, row.attempts, row.last_status, row.last_error


def told_once(home: Installation, url: str) -> str:
    secret: str = home.endpoint(url, types=[RECORDED])["secret"]
    home.record(home.case(), 1)
    home.tell()
    return secret


def test_delivery_is_tried_by_the_schedule_under_one_id_and_then_given_up(
    home: Installation, receiver: Receiver
) -> None:
    receiver.reply = lambda _: Reply(500)
    secret = told_once(home, receiver.url)
    deliverer, began, moments = home.deliverer(), home.clock.seconds(), []
    settle(deliverer)
    for _ in range(len(DELAYS)):
        (row,) = home.deliveries()
        home.pass_time(row.due_at - home.clock.seconds() - 1)
        settle(deliverer)
        assert len(receiver.got) == row.attempts  # not a second too early
        home.pass_time(1)
        settle(deliverer)
        moments.append(home.clock.seconds() - began)
    deliverer.stop()
    assert moments == [sum(DELAYS[: number + 1]) for number in range(len(DELAYS))]
    assert tried(home) == ("failed", len(DELAYS) + 1, 500, None)
    assert {got.event_id for got in receiver.got} == {home.deliveries()[0].event_id}
    assert len({got.headers["webhook-timestamp"] for got in receiver.got}) == len(DELAYS) + 1
    receiver.bodies(secret)
    home.pass_time(30 * DAY)
    deliver(home)
    assert len(receiver.got) == len(DELAYS) + 1


def test_success_ends_it(home: Installation, receiver: Receiver) -> None:
    answers = iter([Reply(503), Reply(204)])
    receiver.reply = lambda _: next(answers)
    told_once(home, receiver.url)
    deliver(home)
    assert tried(home) == ("due", 1, 503, None)
    home.pass_time(5)
    deliver(home)
    assert tried(home) == ("delivered", 2, 204, None)
    assert home.rows(WebhookEndpoint)[0].failures == 0


def test_retry_after_puts_it_off(home: Installation, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(429, {"retry-after": "600"})
    told_once(home, receiver.url)
    deliver(home)
    (row,) = home.deliveries()
    assert row.due_at == home.clock.seconds() + 600


def test_gone_disables_the_endpoint(home: Installation, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(410)
    told_once(home, receiver.url)
    home.record(home.case(2), 1)
    home.tell()
    deliver(home)
    assert home.rows(WebhookEndpoint)[0].disabled_at == home.clock.seconds()
    assert {row.state for row in home.deliveries()} == {"failed"}
    home.record(home.case(3), 1)
    home.tell()
    assert len(home.deliveries()) == 2


def test_nobody_there(home: Installation) -> None:
    told_once(home, f"http://127.0.0.1:{closed_port()}/")
    deliver(home)
    assert tried(home) == ("due", 1, None, "not_reached")


def test_address_is_checked_again_at_every_delivery(home: Installation, receiver: Receiver) -> None:
    told_once(home, receiver.url)
    deliverer = module.Deliverer(home.app, module.WebhookSender(private=False))
    settle(deliverer)
    deliverer.stop()
    assert receiver.got == []
    assert tried(home) == ("due", 1, None, "address_refused")


def test_rotated_secrets_sign_side_by_side_for_a_day(home: Installation, receiver: Receiver) -> None:
    old = told_once(home, receiver.url)
    (endpoint,) = home.rows(WebhookEndpoint)
    new = webhook_endpoints.rotate_secret(home.app, home.merchant, endpoint.id)["secret"]
    deliver(home)
    (got,) = receiver.got
    assert got.verify(old) == got.verify(new)
    home.pass_time(DAY)
    home.record(home.case(2), 1)
    home.tell()
    deliver(home)
    receiver.got[1].verify(new)
    with pytest.raises(Exception, match="No matching signature"):
        receiver.got[1].verify(old)


def test_old_delivery_that_is_resent_has_all_its_tries_again(home: Installation, receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(500)
    told_once(home, receiver.url)
    home.pass_time(20 * DAY)
    (endpoint,), (row,) = home.rows(WebhookEndpoint), home.deliveries()
    shown = webhook_endpoints.resend(home.app, home.merchant, endpoint.id, row.id or 0)
    assert shown["created_at"] == "2026-03-01T12:00:00Z"
    deliver(home)
    home.pass_time(60)
    deliver(home)
    assert tried(home)[:2] == ("due", 2)  # and what is old is given up at the start of each worker
    home.pass_time(5 * DAY)
    deliver(home)
    assert tried(home)[0] == "failed"


# --- kills, and others -----------------------------------------------------------------------------------------------


def test_worker_killed_while_sending_leaves_it_to_the_next_under_the_same_id(
    home: Installation, receiver: Receiver
) -> None:
    """Killed between the answer and the note of it: the receiver gets it twice, and can tell."""
    told_once(home, receiver.url)
    killed = home.deliverer()
    killed.step()
    killed._pool.shutdown(wait=True)  # sent, and nothing of it is ever written down
    deliver(home)
    assert len(receiver.got) == 1  # claimed: the others leave it alone for a while
    home.pass_time(91)
    deliver(home)
    assert tried(home) == ("delivered", 1, 200, None)
    assert len(receiver.got) == 2
    assert len({got.event_id for got in receiver.got}) == 1


def test_two_workers_send_each_delivery_once(home: Installation, receiver: Receiver) -> None:
    home.endpoint(receiver.url, types=[RECORDED])
    for number in range(1, 61):
        home.record(home.case(number, mail=False), 1)
    home.tell()
    workers = [home.deliverer() for _ in range(3)]
    threads = [threading.Thread(target=settle, args=(worker, 60)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker in workers:
        worker.stop()
    assert Counter(Counter(got.event_id for got in receiver.got).values()) == {1: 60}
    assert {row.state for row in home.deliveries()} == {"delivered"}


def test_slow_endpoint_holds_up_nobody(home: Installation, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_sending, "TIMEOUT", 60.0)
    slow, answers = Receiver(), threading.Event()
    slow.reply = lambda _: Reply(200 if answers.wait(50) else 500)
    home.endpoint(slow.url, types=[RECORDED])
    home.endpoint(receiver.url, types=[RECORDED])
    for number in range(1, 31):
        home.record(home.case(number, mail=False), 1)
    home.tell()
    deliverer, began = home.deliverer(), time.monotonic()
    while len(receiver.got) < 30 or not slow.got:
        assert time.monotonic() - began < 45, f"{len(receiver.got)} of 30"
        deliverer.step()
        time.sleep(0.002)
    assert len(slow.got) <= 4  # and not one of them was answered yet
    answers.set()
    settle(deliverer)
    deliverer.stop()
    slow.close()
    assert {row.state for row in home.deliveries()} == {"delivered"}


def test_ten_thousand_due_for_a_dead_endpoint_hold_up_nobody(home: Installation, receiver: Receiver) -> None:
    dead = home.endpoint(f"http://127.0.0.1:{closed_port()}/", types=[RECORDED])["endpoint_id"]
    _fill(home, dead, 10_000)
    home.endpoint(receiver.url, types=[RECORDED])
    for number in range(1, 21):
        home.record(home.case(number, mail=False), 1)
    home.tell()
    deliverer, began = home.deliverer(), time.monotonic()
    while len(receiver.got) < 20:
        assert time.monotonic() - began < 60, f"{len(receiver.got)} of 20"
        deliverer.step()
        time.sleep(0.002)
    settle(deliverer)
    tries = [row for row in home.deliveries() if row.endpoint_id == dead and row.attempts]
    assert 1 <= len(tries) <= 8  # then it is left alone
    home.pass_time(4 * DAY + 1)
    settle(deliverer)
    settle(deliverer)
    deliverer.stop()
    assert Counter(row.state for row in home.deliveries()) == {"failed": 10_020, "delivered": 20}


def _fill(home: Installation, endpoint_id: str, count: int) -> None:
    now = home.clock.seconds()
    events = [
        {
            "id": f"evt_{number}",
            "type": RECORDED,
            "about": str(number),
            "round": 0,
            "payload": "{}",
            "created_at": now,
            "corrected": False,
        }
        for number in range(count)
    ]
    deliveries = [
        {
            "endpoint_id": endpoint_id,
            "event_id": event["id"],
            "state": "due",
            "created_at": now,
            "due_at": now,
            "attempts": 0,
            "claimed_until": 0,
        }
        for event in events
    ]
    tables = SQLModel.metadata.tables
    with home.database.write() as session:
        session.execute(insert(tables[str(WebhookEvent.__tablename__)]), events)
        session.execute(insert(tables[str(WebhookDelivery.__tablename__)]), deliveries)


def test_payloads_hold_nothing_personal(home: Installation, receiver: Receiver) -> None:
    told_once(home, receiver.url)
    (event,) = home.rows(WebhookEvent)
    for personal in ("consumer", "name", "email", "@", SHOP):
        assert personal not in event.payload
