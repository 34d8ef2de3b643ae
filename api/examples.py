"""Bodies that `/openapi.json` shows, and that tests send."""

from __future__ import annotations

from typing import Any

CASE: dict[str, Any] = {
    "reference": "RMA-1001",
    "order": {"reference": "O-1001", "ordered_at": "2010-12-01T10:24:00Z"},
    "consumer": {"name": "Ada Example", "email": "ada@example.org", "country": "DE", "language": "de"},
    "items": [{"sku": "22556", "description": "Plasters in tin", "quantity": 12, "unit_price": "1.65"}],
    "refund": {"amount": "19.80", "currency": "GBP"},
    "policy": "eu-14",
    "escrow": "refund",
    "shipment": {"carrier": "FedEx", "tracking_code": "1"},
}
VOTE: dict[str, Any] = {"share": 7000, "reason": "The photos show wear beyond trying it on."}
APPEAL: dict[str, Any] = {"share": 10000, "reason": "The inspection names another item."}
OBSERVATIONS: dict[str, Any] = {
    "reading": {"value": {"kind": "reading", "data": {"quantity": "temperature", "value": "4.5", "unit": "°C"}}},
    "message": {"value": [{"kind": "message", "data": {"to": "consumer", "text": "Your parcel is on its way."}}]},
}
MILESTONES: dict[str, Any] = {
    "authorised": {"value": {"kind": "authorised"}},
    "received": {"value": {"kind": "received", "occurred_at": "2026-03-01T09:30:00Z", "data": {"parcels": 1}}},
    "inspected": {"value": {"kind": "inspected", "data": {"grade": "as_new", "share": 10000, "fee": 0}}},
    "disputed": {"value": {"kind": "disputed", "data": {"share": 2000, "reason": "The item is another one."}}},
    "evidence": {
        "value": {
            "kind": "evidence",
            "data": {
                "text": "The seal was broken when the parcel came.",
                "attachments": [{"name": "seal.jpg", "media_type": "image/jpeg", "sha256": "5a" * 32}],
            },
        }
    },
    "split": {"value": {"kind": "split", "data": {"share": 8000}}},
}
VIEW: dict[str, Any] = {
    "name": "Waiting for me, before the weekend",
    "query": {"waiting_for": "merchant", "deadline_before": "2026-03-07T00:00:00Z", "sort": "deadline"},
}
STRIPE_REFUND: dict[str, Any] = {
    "object": "refund",
    "id": "re_1Pgc72B7WZ01zgkWqPvrRrPE",
    "amount": 1980,
    "currency": "gbp",
    "status": "succeeded",
    "created": 1772356800,
    "metadata": {"reference": "RMA-1001"},
}
REFUNDS_CSV = (
    "refund_id,reference,amount,currency,status,created_at\r\n"
    "re_1Pgc72B7WZ01zgkWqPvrRrPE,RMA-1001,19.80,GBP,succeeded,2026-03-01T09:20:00Z\r\n"
)
CALENDAR: dict[str, Any] = {"name": "Germany", "weekend": [6, 7], "holidays": ["2026-12-25", "2026-12-26"]}
IMPORT_CSV = (
    "reference,consumer_name,consumer_email,consumer_country,sku,quantity,unit_price,refund_amount,refund_currency\r\n"
    "RMA-3001,Ada Example,ada@example.org,DE,22556,12,1.65,19.80,GBP\r\n"
)
# Of operations whose routes name none, by path; all are POST.
BODIES: dict[str, Any] = {
    "/v1/cases/{case_id}/opening": {"signature": "0x" + "5a" * 65},
    "/v1/cases/{case_id}/status-links": {"expires_at": "2027-01-01T00:00:00Z"},
    "/v1/cases/{case_id}/milestones/prepare": {"kind": "received", "data": {"parcels": 1}},
    "/v1/cases/{case_id}/observations/prepare": {
        "kind": "reading",
        "data": {"quantity": "temperature", "value": "4.5"},
    },
    "/v1/cases/{case_id}/erasure": {},
    "/v1/personal-data": {"email": "ada@example.org"},
    "/v1/sessions/challenge": {"address": "0x" + "ab" * 20},
    "/v1/sessions/sign-in": {"message": "(as `challenge` answered it)", "signature": "0x" + "5a" * 65},
    "/v1/webhooks/easypost": {"object": "Event", "description": "tracker.updated", "result": {"object": "Tracker"}},
}
