"""Answers of `GET /v1/status` for every state of the page, in the shape the service gives them."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
ADDRESSES = {
    "merchant": "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    "consumer": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
    "carrier": "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
    "warehouse": "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65",
    "inspector": "0x9965507D1a55bcC2695C58ba16FA37d819B0A4dc",
    "contract": CONTRACT,
}
NAMES = {
    "merchant": "Tin Circus Ltd",
    "carrier": "FedEx",
    "warehouse": "Northgate Returns",
    "inspector": "Northgate Returns",
}
ARBITRATORS = [
    {"name": name, "address": "0x" + digit * 40}
    for name, digit in (("Ines Ferrari", "a"), ("Jun Sato", "b"), ("Klara Novak", "c"), (None, "d"), ("Li Wei", "e"))
]
PANEL: Json = {
    "version": 2,
    "threshold": 3,
    "arbitrators": ARBITRATORS[:3],
    "appeal": {"version": 1, "threshold": 5, "arbitrators": ARBITRATORS},
    "fallback": None,
}
ARBITRATION = {"reserve": "5.50", "first": "1.50", "appeal": "2.50"}
CHECKS = [
    "Canonical bytes and disclosures",
    "Signatures",
    "Roles",
    "Events of the contract",
    "Unbroken chain of records",
    "Canonical block, confirmations and times",
    "Observations",
    "Money",
]


def step(kind: str, role: str, day: int, *, stage: str = "final", key: str = "service", **more: Any) -> Json:
    """One entry of a timeline, on that day of December 2026. `role` is `contract` for what the contract did itself."""
    on_chain = stage in ("recorded", "final")
    by_contract = role == "contract"
    return {
        "record_id": None if by_contract else f"rec_{kind}_{day:02d}",
        "position": None,
        "kind": kind,
        "occurred_at": None if by_contract else f"2026-12-{day:02d}T09:24:00Z",
        "recorded_at": f"2026-12-{day:02d}T09:25:12Z" if on_chain else None,
        "stage": stage,
        "reason": more.pop("reason", None),
        "by": {
            "role": "none" if by_contract else role,
            "name": NAMES.get(role),
            "address": ADDRESSES[role],
            "key": "contract" if by_contract else key,
        },
        "data": more,
    }


REQUESTED = step("requested", "merchant", 1, reason_for_return="Too many")
AUTHORISED = step("authorised", "merchant", 2)
PICKED_UP = step("picked_up", "carrier", 4)
RECEIVED = step("received", "warehouse", 7, key="own")
INSPECTED = step("inspected", "inspector", 8, key="own", grade="opened", share=8000, fee=0)
INSPECTED_FULL = step("inspected", "inspector", 8, grade="as_new", share=10_000, fee=0)
ACCEPTED = step("accepted", "consumer", 9)
SETTLED = step("settled", "contract", 9)


def checks(*, failed: int | None = None, pending: tuple[int, ...] = ()) -> list[Json]:
    """The eight checks; observations are skipped, for this return has none."""
    results = []
    for number, name in enumerate(CHECKS, start=1):
        result, detail = "pass", "All records hold."
        if number == 7:
            result, detail = "skipped", "This case has no observations."
        if number in pending:
            result, detail = "pending", "1 of 6 records is not on the chain yet."
        if number == failed:
            result, detail = "fail", "Record rec_received_07 does not match the commitment that its signer signed."
        results.append({"number": number, "name": name, "result": result, "detail": detail})
    return results


def status(
    state: str,
    timeline: list[Json],
    *,
    mode: str = "refund",
    where: str = "locked",
    next_: Json | None = None,
    refund: Json | None = None,
    money: Json | None = None,
    **more: Any,
) -> Json:
    """A whole answer. `timeline` is as the service orders it; what the chain keeps gets its position."""
    position = 0
    numbered = []
    for entry in timeline:
        on_chain = entry["recorded_at"] is not None
        numbered.append({**entry, "position": position if on_chain else None})
        position += on_chain
    locked = "0.00" if mode == "none" or where in ("due", "withdrawn", "returned", "provider") else "19.80"
    return {
        "case_id": "0x" + "7f" * 32,
        "reference": "RMA-1001",
        "state": state,
        "mode": mode,
        "merchant": {"name": NAMES["merchant"]},
        "policy": {"code": "eu-14", "title": "European Union, 14 days to withdraw", "version": 1},
        "refund": {
            "amount": "19.80",
            "currency": "GBP",
            "share": None,
            "fee": 0,
            "expected": None,
            "paid": "0.00",
            **(refund or {}),
        },
        "money": {
            "where": where,
            "locked": locked,
            "freight": "0.00",
            "due": "0.00",
            "withdrawn": "0.00",
            "withdrawn_to": None,
            "payee_key": "own",
            "reference": None,
            **(money or {}),
        },
        "items": [{"description": "PLASTERS IN TIN CIRCUS PARADE", "quantity": 12}],
        "timeline": numbered,
        "next": next_ or {"waiting_for": None, "deadline": None, "otherwise": None, "acts": [], "limits": {}},
        "dispute": None,
        "notice": None,
        "offer": None,
        "exchange_offered": False,
        "panel": PANEL,
        "arbitration": ARBITRATION if mode != "none" else None,
        "verdict": "verified",
        "checks": checks(),
        "chain": {
            "id": 1337,
            "operator": "local test chain on this machine",
            "contract": CONTRACT,
            "confirmations": 0,
            "head_block": 4711,
        },
        "link": {
            "scopes": ["status:read", "settlement:sign"],
            "expires_at": "2027-06-01T00:00:00Z",
            "own_key": None,
        },
        "as_of": "2026-12-09T10:00:00Z",
        **more,
    }


def waits(
    role: str, otherwise: str, *acts: str, deadline: str = "2026-12-22T09:25:12Z", limits: Json | None = None
) -> Json:
    bounds = {act: {"least": 0, "most": 10_000, "start": 10_000} for act in acts if act in ("disputed", "split")}
    return {
        "waiting_for": role,
        "deadline": deadline,
        "otherwise": otherwise,
        "acts": list(acts),
        "limits": bounds | (limits or {}),
    }


PART = {"share": 8000, "expected": "15.84"}
FULL = {"share": 10_000, "expected": "19.80"}
OPEN = [REQUESTED, AUTHORISED]
SENT = [*OPEN, PICKED_UP, RECEIVED]
AGREED = [*SENT, INSPECTED, ACCEPTED]
SAID_PAID = step("refunded", "merchant", 10, reference="re_1Pgc72B7WZ01zgkW")

PLAIN_STATUSES: dict[str, Json] = {
    "just_opened": status(
        "requested",
        [step("requested", "merchant", 9, stage="submitted")],
        where="not_locked",
        next_=waits("merchant", "authorised", "cancelled"),
        verdict="pending",
        checks=checks(pending=(4, 5, 6, 8)),
    ),
    "requested": status("requested", [REQUESTED], next_=waits("merchant", "authorised", "cancelled")),
    "declined": status(
        "declined",
        [REQUESTED, step("declined", "merchant", 2, reason="The seal of a hygiene article was broken.")],
        next_=waits("consumer", "closed"),
    ),
    "authorised": status(
        "authorised",
        OPEN,
        next_=waits("consumer", "closed", "cancelled", "picked_up"),
        money={"freight": "4.95"},
    ),
    "picked_up": status("picked_up", [*OPEN, PICKED_UP], next_=waits("carrier", "disputed")),
    "received": status("received", SENT, next_=waits("inspector", "refund_full")),
    "inspected_part": status(
        "inspected", [*SENT, INSPECTED], refund=PART, next_=waits("consumer", "disputed", "accepted")
    ),
    "inspected_full": status(
        "inspected", [*SENT, INSPECTED_FULL], refund=FULL, next_=waits("consumer", "as_proposed", "accepted")
    ),
    "inspected_zero": status(
        "inspected",
        [*SENT, step("inspected", "inspector", 8, grade="used", share=0, fee=0)],
        refund={"share": 0, "expected": "0.00"},
        next_=waits("consumer", "as_proposed", "accepted"),
    ),
    "disputed": status(
        "disputed", [*OPEN, PICKED_UP, step("disputed", "contract", 9)], next_=waits("panel", "refund_full")
    ),
    "payable_bond": status("payable", AGREED, mode="bond", refund=PART, next_=waits("merchant", "bond_pays")),
    "payable_none": status(
        "payable",
        AGREED,
        mode="none",
        where="record_only",
        refund=PART,
        next_=waits("merchant", "settled_unpaid"),
        money={"locked": "0.00"},
    ),
    "refunded": status(
        "refunded",
        [*AGREED, SAID_PAID],
        mode="bond",
        where="provider",
        refund=PART,
        money={"locked": "19.80", "reference": "re_1Pgc72B7WZ01zgkW"},
        next_=waits(
            "consumer", "settled", "challenged", limits={"challenged": {"least": 1, "most": 8000, "start": 8000}}
        ),
    ),
    "settled_deciding": status(
        "settled",
        [*SENT, INSPECTED, step("accepted", "consumer", 9, stage="submitted")],
        refund=PART,
        verdict="pending",
    ),
    "not_opened": status(
        "rejected",
        [step("requested", "merchant", 1, stage="rejected", reason="BalanceTooLow(0x7099, 0, 1980)")],
        where="not_locked",
    ),
    "settled_due": status("settled", [*AGREED, SETTLED], where="due", refund=PART, money={"due": "15.84"}),
    "settled_withdrawn": status(
        "settled",
        [*AGREED, SETTLED],
        where="withdrawn",
        refund={**PART, "paid": "15.84"},
        money={"withdrawn": "15.84", "withdrawn_to": ADDRESSES["consumer"]},
    ),
    "settled_by_silence": status(
        "settled",
        [REQUESTED, step("authorised", "contract", 3), PICKED_UP, RECEIVED, step("accepted", "contract", 9), SETTLED],
        where="withdrawn",
        refund={**FULL, "paid": "19.80"},
        money={"withdrawn": "19.80", "withdrawn_to": ADDRESSES["consumer"]},
    ),
    "settled_provider": status(
        "settled",
        [*AGREED, SAID_PAID, SETTLED],
        mode="bond",
        where="provider",
        refund=PART,
        money={"reference": "re_1Pgc72B7WZ01zgkW"},
    ),
    "settled_unpaid": status(
        "settled", [*AGREED, SETTLED], mode="none", where="record_only", refund=PART, money={"locked": "0.00"}
    ),
    "settled_zero": status("settled", [*AGREED, SETTLED], where="returned", refund={"share": 0, "expected": "0.00"}),
    "cancelled": status(
        "closed",
        [*OPEN, step("cancelled", "consumer", 3), step("closed", "contract", 3)],
        where="returned",
    ),
    "not_sent": status("closed", [*OPEN, step("closed", "contract", 30)], where="returned"),
    "failed": status(
        "received",
        SENT,
        next_=waits("inspector", "refund_full"),
        verdict="failed",
        checks=checks(failed=1),
        chain={
            "id": 1337,
            "operator": "local test chain on this machine",
            "contract": CONTRACT,
            "confirmations": 12,
            "head_block": 4711,
            "test": True,
        },
    ),
    "rejected": status(
        "inspected",
        [
            *SENT,
            INSPECTED,
            step("accepted", "consumer", 9, stage="accepted"),
            step("received", "carrier", 7, stage="rejected", reason="NotAllowed(received, received, carrier)"),
        ],
        refund=PART,
        next_=waits("consumer", "as_proposed", deadline="2026-12-09T09:25:12Z"),
        verdict="pending",
        checks=checks(pending=(4,)),
        link={"scopes": ["status:read"], "expires_at": "2027-06-01T00:00:00Z"},
    ),
}
