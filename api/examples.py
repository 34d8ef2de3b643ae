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
MILESTONES: dict[str, Any] = {
    "authorised": {"value": {"kind": "authorised"}},
    "received": {"value": {"kind": "received", "occurred_at": "2026-03-01T09:30:00Z", "data": {"parcels": 1}}},
    "inspected": {"value": {"kind": "inspected", "data": {"grade": "as_new", "share": 10000, "fee": 0}}},
}
