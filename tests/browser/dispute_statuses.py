"""Answers of `GET /v1/status` for disputes, offers, notices and exchanges."""

from __future__ import annotations

from .statuses import (
    ACCEPTED,
    AGREED,
    ARBITRATORS,
    CONTRACT,
    INSPECTED,
    PANEL,
    PART,
    PLAIN_STATUSES,
    SAID_PAID,
    SENT,
    Json,
    status,
    step,
    waits,
)


def dispute(round_: str, yours: Json, theirs: Json, *, ruling: Json | None = None, votes: int = 0) -> Json:
    """The case before its panel, of whom the first `votes` have voted."""
    panel = PANEL["appeal"] if round_ == "appeal" else PANEL
    arbitrators = [{**each, "voted": number < votes} for number, each in enumerate(panel["arbitrators"])]
    return {
        "round": round_,
        "claims": {"consumer": yours, "merchant": theirs},
        "ruling": ruling,
        "panel": {"version": panel["version"], "threshold": panel["threshold"], "arbitrators": arbitrators},
        "votes": votes,
    }


VOTES = [
    {**each, "share": share, "reason": reason}
    for each, share, reason in zip(
        ARBITRATORS[:3], (8000, 9000, 7500), ("One corner is dented.", None, "Worn, yet whole."), strict=True
    )
]
WHOLE = {"share": 10_000, "amount": "19.80"}
EIGHTY = {"share": 8000, "amount": "15.84"}
DISPUTED = step("disputed", "consumer", 10, share=10_000, reason="It was unused when I sent it.")
RULED = {
    **step("ruled", "contract", 12, share=8000, votes=VOTES),
    "by": {"role": "panel", "name": None, "key": "panel", "address": CONTRACT},
}
EXCHANGED = [
    *SENT,
    INSPECTED,
    step("exchange_agreed", "merchant", 9),
    step("exchange_agreed", "consumer", 10),
    step("exchange_shipped", "merchant", 11),
]

DISPUTE_STATUSES: dict[str, Json] = {
    "disputed_by_you": status(
        "disputed",
        [*SENT, INSPECTED, DISPUTED],
        next_=waits("panel", "fallback_panel", "disputed", "evidence", "split"),
        dispute=dispute("first", WHOLE, EIGHTY, votes=1),
        offer={"by": "merchant", "share": 9000, "amount": "17.82"},
    ),
    "ruled": status(
        "ruled",
        [*SENT, INSPECTED, DISPUTED, RULED],
        refund=PART,
        next_=waits(
            "consumer",
            "as_ruled",
            "appealed",
            "split",
            limits={"appealed": {"least": 8001, "most": 10_000, "start": 10_000}},
        ),
        dispute=dispute("first", WHOLE, EIGHTY, ruling=EIGHTY, votes=3),
    ),
    "appealed": status(
        "disputed",
        [
            *SENT,
            INSPECTED,
            DISPUTED,
            RULED,
            step("appealed", "consumer", 13, share=10_000, reason="The report is old."),
        ],
        next_=waits("panel", "as_ruled", "disputed", "evidence", "split"),
        dispute=dispute("appeal", WHOLE, EIGHTY, ruling=EIGHTY, votes=2),
    ),
    "notice_running": status(
        "inspected",
        [*SENT, INSPECTED, ACCEPTED],
        refund=PART,
        next_=waits("consumer", "notice_accepted", "objected", deadline="2026-12-11T09:25:12Z"),
        notice={"kind": "accepted", "effective_at": "2026-12-11T09:25:12Z", "share": 8000, "amount": "15.84"},
        money={"payee_key": "service"},
    ),
    "exchange_offered": status(
        "inspected",
        [*SENT, INSPECTED, step("exchange_agreed", "merchant", 9)],
        refund=PART,
        next_=waits("consumer", "as_proposed", "exchange_agreed", "accepted", "disputed", "split"),
        exchange_offered=True,
        money={"payee_key": "service"},
    ),
    "exchanging": status("exchanging", EXCHANGED, next_=waits("merchant", "refund_full", "disputed", "split")),
    "delivered": status(
        "delivered",
        [*EXCHANGED, step("exchange_delivered", "carrier", 14)],
        next_=waits("consumer", "settled", "disputed", "split"),
    ),
    "exchanged": status(
        "settled",
        [*EXCHANGED, step("exchange_delivered", "carrier", 14), step("settled", "contract", 29)],
        where="returned",
        refund={"share": 0, "expected": "0.00"},
    ),
    "challenged": status(
        "disputed",
        [*AGREED, SAID_PAID, step("challenged", "consumer", 11, share=8000, reason="Nothing arrived.")],
        mode="bond",
        next_=waits("panel", "as_claimed", "disputed", "evidence", "split"),
        dispute=dispute("challenge", EIGHTY, {"share": 0, "amount": "0.00"}),
    ),
}

STATUSES: dict[str, Json] = PLAIN_STATUSES | DISPUTE_STATUSES
