"""Sends the webhooks that are due, side by side, so that a slow endpoint holds up nobody else.

A delivery is claimed in the database before it is sent, and what came of it is written afterwards. Whoever dies in
between leaves it to the next one, with the same `webhook-id`: at least once.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue

import structlog
from sqlmodel import Session

from .. import telemetry
from ..domain import retries
from ..services.app import App
from ..services.webhook_endpoints import GONE, open_secrets
from ..store import webhooks_out as sql
from ..store.tables import WebhookDelivery, WebhookEndpoint
from ..store.webhooks_out import Claimed
from ..webhook_sending import Sent, WebhookSender, signed_headers

_log = structlog.get_logger(__name__)
_THREADS = 16
_CLAIMED = 90  # seconds for which nobody else sends a delivery; a try takes 15, and the look-up of its name some more
_STATUS_GONE = 410
_SWEEP = 600  # seconds between two looks for what never gets its turn


class Deliverer:
    """`step()` writes what came of deliveries and hands out the next ones; it never waits for anybody's answer.

    `stop` waits for those under way, and writes what came of them.
    """

    def __init__(
        self, app: App, sender: WebhookSender | None = None, chance: Callable[[], float] = random.random
    ) -> None:
        self._app = app
        self._sender = sender or WebhookSender(private=app.settings.webhooks_private)
        self._chance = chance
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="webhooks")
        self._under_way: Counter[str] = Counter()  # by endpoint
        self._came: SimpleQueue[tuple[Claimed, Sent]] = SimpleQueue()
        self._swept_at = 0

    @property
    def under_way(self) -> int:
        return self._under_way.total()

    def step(self) -> bool:
        """Whether there was anything to do."""
        written = self._write_down()
        return self._hand_out() > 0 or written > 0

    def stop(self) -> None:
        self._pool.shutdown(wait=True)
        self._write_down()

    # --- out ---------------------------------------------------------------------------------------------------------

    def _hand_out(self) -> int:
        slots = _THREADS - self.under_way
        now = self._app.clock.seconds()
        with self._app.database.read() as session:
            if slots <= 0 or not sql.is_anything_due(session, now):
                return 0
        with self._app.database.write() as session:
            claimed = sql.claim_deliveries(session, now, now + _CLAIMED, self._under_way, slots)
            signing = open_secrets(self._app, session, {each.endpoint_id for each in claimed})
        for each in claimed:
            self._under_way[each.endpoint_id] += 1
            self._pool.submit(self._send, each, signing.get(each.endpoint_id, [])).add_done_callback(_log_failure)
        return len(claimed)

    def _send(self, claimed: Claimed, signing: Sequence[str]) -> None:
        """In a thread of its own."""
        sent = Sent(error="unexpected")
        try:
            if signing:
                headers = signed_headers(claimed.event_id, self._app.clock.seconds(), claimed.payload, signing)
                sent = self._sender.post(claimed.url, headers, claimed.payload)
            else:
                sent = Sent(error="no_secret")
        finally:
            self._came.put((claimed, sent))
            self._app.wake.set()

    # --- back --------------------------------------------------------------------------------------------------------

    def _write_down(self) -> int:
        """All that came back, in one transaction."""
        came: list[tuple[Claimed, Sent]] = []
        try:
            while True:
                came.append(self._came.get_nowait())
        except Empty:
            pass
        now = self._app.clock.seconds()
        try:
            if came or now >= self._swept_at + _SWEEP:
                with self._app.database.write() as session:
                    for claimed, sent in came:
                        self._write_one(session, claimed, sent, now)
                    self._sweep(session, now)
        finally:  # what could not be written is claimed for a while, and then sent again
            for claimed, _ in came:
                self._under_way[claimed.endpoint_id] -= 1
            self._under_way = +self._under_way
        return len(came)

    def _sweep(self, session: Session, now: int) -> None:
        if now >= self._swept_at + _SWEEP:
            sql.give_up_old(session, now - retries.GIVEN_UP_AFTER)
            self._swept_at = now

    def _write_one(self, session: Session, claimed: Claimed, sent: Sent, now: int) -> None:
        row = session.get(WebhookDelivery, claimed.delivery_id)
        endpoint = session.get(WebhookEndpoint, claimed.endpoint_id)
        if row is None or endpoint is None:
            return  # deleted meanwhile
        row.attempts += 1
        row.claimed_until, row.tried_at = 0, now
        row.last_status, row.last_error = sent.status, sent.error
        telemetry.DELIVERIES.labels("delivered" if sent.ok else "failed").inc()
        if sent.ok:
            row.state = "delivered"
            endpoint.failures = endpoint.paused_until = 0
        else:
            self._put_off(row, endpoint, sent, now)
        if sent.status == _STATUS_GONE:
            endpoint.disabled_at = now
        if not sent.ok and endpoint.disabled_at is not None:
            row.state, row.last_error = "failed", GONE
            sql.give_up_all(session, endpoint.id, GONE)
        session.add(row)
        session.add(endpoint)

    def _put_off(self, row: WebhookDelivery, endpoint: WebhookEndpoint, sent: Sent, now: int) -> None:
        endpoint.failures += 1
        endpoint.paused_until = now + retries.pause_after(endpoint.failures)
        delay = retries.next_delay(row.attempts, self._chance(), sent.wished)
        if delay is None:
            row.state = "failed"
        else:
            row.due_at = now + delay
        _log.info(
            "webhook_failed",
            endpoint=endpoint.id,
            delivery=row.id,
            status=sent.status,
            error=sent.error,
            again_in=delay,
        )


def _log_failure(future: Future[None]) -> None:
    """What a thread ran into that nobody expected; the delivery itself is tried again."""
    error = future.exception()
    if error is not None:
        _log.warning("webhook_thread_failed", error=type(error).__name__)
