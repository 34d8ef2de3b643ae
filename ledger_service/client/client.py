"""The client: a method for each thing that a merchant does, and `send` and `pages` for all else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Literal, cast

import httpx

from . import types
from .transport import Query, Transport
from .uploads import parts_of, together

_KINDS = {True: "text/csv", False: "application/json"}


class LedgerClient(AbstractContextManager["LedgerClient"]):
    """A merchant's client. `url` is the service's address, `credential` an API key or a session's token. A request is
    tried up to `tries` times where nothing, or `429`, `502`, `503`, `504` came back, and is done once all the same.

    Filters of lists are those of `GET /v1/cases`: `state`, `stage`, `mode`, `policy`, `reason`, `country`, `currency`,
    `waiting_for`, `deadline_before`, `opened_from`, `opened_before`, `q`. Every method raises LedgerProblem, by its
    kind, or NoAnswer.
    """

    def __init__(
        self,
        url: str,
        credential: str,
        *,
        tries: int = 5,
        timeout: float = 60.0,
        http: httpx.Client | None = None,
    ) -> None:
        self._transport = Transport(url, credential, tries=tries, timeout=timeout, http=http)
        self.send: Callable[..., Any] = self._transport.send
        self.pages: Callable[..., Iterator[Any]] = self._transport.pages

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    # --- cases -------------------------------------------------------------------------------------------------------

    def open_case(
        self, case: Mapping[str, Any], *, idempotency_key: str | None = None, wait: int | None = None
    ) -> types.CaseOpened:
        """Opens a return. With an `idempotency_key` of your own, such as your reference, it opens once in a day, also
        after your program was started again. `wait` seconds for its block, 30 at most."""
        sent = self.send("POST", "/v1/cases", json=dict(case), idempotency_key=idempotency_key, wait=wait)
        return cast("types.CaseOpened", sent)

    def case(self, case_id: str) -> types.Case:
        return cast("types.Case", self.send("GET", f"/v1/cases/{case_id}"))

    def cases(self, *, sort: str = "-opened", **filters: Any) -> Iterator[types.CaseLine]:
        """All cases that the filters name, page after page."""
        return self.pages("/v1/cases", {**filters, "sort": sort, "limit": 200})

    def count_cases(self, **filters: Any) -> types.CaseCount:
        return cast("types.CaseCount", self.send("GET", "/v1/cases/counts", query=filters))

    def work(self) -> Iterator[types.Work]:
        """What waits for you, the most urgent first."""
        return self.pages("/v1/work-list", {"limit": 200})

    def state(
        self,
        case_id: str,
        kind: str,
        data: Mapping[str, Any] | None = None,
        *,
        personal: Mapping[str, str] | None = None,
        occurred_at: str | None = None,
        idempotency_key: str | None = None,
        wait: int | None = None,
    ) -> types.MilestoneTaken:
        """States a milestone, such as `authorised`, in a case."""
        body: dict[str, Any] = {"kind": kind, "data": dict(data or {}), "personal": dict(personal or {})}
        if occurred_at is not None:
            body["occurred_at"] = occurred_at
        path = f"/v1/cases/{case_id}/milestones"
        sent = self.send("POST", path, json=body, idempotency_key=idempotency_key, wait=wait)
        return cast("types.MilestoneTaken", sent)

    def milestones(self, case_id: str) -> Iterator[types.Milestone]:
        return self.pages(f"/v1/cases/{case_id}/milestones")

    def verification(self, case_id: str) -> types.Verification:
        """The checks of all that is kept of a case, by the service; `ledger verify` does them without it."""
        return cast("types.Verification", self.send("GET", f"/v1/cases/{case_id}/verification"))

    def bundle(self, case_id: str, reveal: tuple[str, ...] = ()) -> dict[str, Any]:
        """The evidence as one file's JSON; `reveal` names the personal fields to show, or `all`."""
        return cast("dict[str, Any]", self.send("GET", f"/v1/cases/{case_id}/bundle", query={"reveal": list(reveal)}))

    def status_link(self, case_id: str, expires_at: str) -> types.LinkMade:
        """A link for the consumer that reads and does not act."""
        sent = self.send("POST", f"/v1/cases/{case_id}/status-links", json={"expires_at": expires_at})
        return cast("types.LinkMade", sent)

    def saved_views(self) -> Iterator[types.SavedView]:
        return self.pages("/v1/saved-views")

    def save_view(self, name: str, **query: Any) -> types.SavedView:
        sent = self.send("POST", "/v1/saved-views", json={"name": name, "query": query})
        return cast("types.SavedView", sent)

    def delete_view(self, view_id: str) -> None:
        self.send("DELETE", f"/v1/saved-views/{view_id}")

    def export_csv(
        self, what: Literal["cases", "refunds"], *, bom: bool = False, **filters: Any
    ) -> AbstractContextManager[Iterator[bytes]]:
        """A list as a file, part by part: `with ledger.export_csv("cases") as parts: file.writelines(parts)`."""
        return self._transport.lines(f"/v1/exports/{what}.csv", {**filters, "bom": str(bom).lower()})

    def preview_import(self, content: bytes, *, is_csv: bool = True) -> types.ImportPreview:
        """What an import of up to 500 returns would do; nothing is written."""
        sent = self.send("POST", "/v1/imports/preview", content=content, content_type=_KINDS[is_csv])
        return cast("types.ImportPreview", sent)

    def confirm_import(self, content: bytes, preview_id: str, *, is_csv: bool = True) -> types.ImportDone:
        """Opens what was previewed: the same content, once for each reference."""
        query: Query = {"preview_id": preview_id}
        sent = self.send("POST", "/v1/imports", query=query, content=content, content_type=_KINDS[is_csv])
        return cast("types.ImportDone", sent)

    # --- money -------------------------------------------------------------------------------------------------------

    def refunds(self, **filters: Any) -> Iterator[types.RefundLine]:
        """What became of the money of each case."""
        return self.pages("/v1/audit/refunds", {**filters, "limit": 200})

    def refund_proof(self, case_id: str) -> types.RefundProof:
        return cast("types.RefundProof", self.send("GET", f"/v1/audit/refunds/{case_id}"))

    def upload_refunds(self, provider: Literal["stripe", "csv"], export: str | bytes) -> types.RefundUpload:
        """Uploads a provider's export, in as many parts as it needs. Rows are counted over all of it."""
        kind = "text/csv" if provider == "csv" else "application/json"
        path, query = "/v1/reconciliation/uploads", {"provider": provider}
        return together(
            (before, self.send("POST", path, query=query, content=part, content_type=kind))
            for before, part in parts_of(provider, export)
        )

    def reconciliation(self, finding: str | None = None) -> Iterator[types.Compared]:
        """Each case, and each refund of no case, with what is found."""
        return self.pages("/v1/reconciliation", {"finding": finding, "limit": 200})

    def reconciliation_summary(self) -> types.ReconciliationSummary:
        return cast("types.ReconciliationSummary", self.send("GET", "/v1/reconciliation/summary"))

    # --- numbers -----------------------------------------------------------------------------------------------------

    def statistics(self, group_by: str = "outcome", **filters: Any) -> types.Statistics:
        query: Query = {**filters, "group_by": group_by}
        return cast("types.Statistics", self.send("GET", "/v1/statistics", query=query))

    def service_levels(self, **filters: Any) -> types.Board:
        return cast("types.Board", self.send("GET", "/v1/service-levels", query=filters))

    def late_steps(self, level: str, **filters: Any) -> list[types.LateStep]:
        """The latest steps that came late, with their certificates."""
        found = self.send("GET", "/v1/service-levels/breaches", query={**filters, "level": level})
        return cast("list[types.LateStep]", found["items"])

    def set_calendar(self, calendar: types.BusinessCalendar) -> types.BusinessCalendar:
        return cast("types.BusinessCalendar", self.send("PUT", "/v1/business-calendar", json=calendar))

    # --- webhooks ----------------------------------------------------------------------------------------------------

    def create_endpoint(self, url: str, event_types: list[str] | None = None) -> types.EndpointMade:
        """Where you are told. Keep the `secret`: it is shown this once."""
        body = {"url": url, **({"types": event_types} if event_types else {})}
        return cast("types.EndpointMade", self.send("POST", "/v1/webhook-endpoints", json=body))

    def endpoints(self) -> Iterator[types.Endpoint]:
        return self.pages("/v1/webhook-endpoints")

    def delete_endpoint(self, endpoint_id: str) -> None:
        self.send("DELETE", f"/v1/webhook-endpoints/{endpoint_id}")

    def deliveries(self, endpoint_id: str, state: str | None = None) -> Iterator[types.Delivery]:
        return self.pages(f"/v1/webhook-endpoints/{endpoint_id}/deliveries", {"state": state, "limit": 200})

    def resend(self, endpoint_id: str, delivery_id: int) -> types.Delivery:
        path = f"/v1/webhook-endpoints/{endpoint_id}/deliveries/{delivery_id}/resend"
        return cast("types.Delivery", self.send("POST", path))

    # --- API keys ----------------------------------------------------------------------------------------------------

    def api_keys(self) -> Iterator[types.ApiKey]:
        return self.pages("/v1/api-keys")

    def make_api_key(self, name: str, expires_at: str | None = None) -> types.ApiKeyMade:
        """A further key. Keep the `api_key`: it is shown this once."""
        return cast(
            "types.ApiKeyMade", self.send("POST", "/v1/api-keys", json={"name": name, "expires_at": expires_at})
        )

    def rotate_api_key(self, key_id: str, overlap_hours: int = 24) -> types.ApiKeyMade:
        """A new key in place of one, which counts for some hours more."""
        path = f"/v1/api-keys/{key_id}/rotation"
        return cast("types.ApiKeyMade", self.send("POST", path, json={"overlap_hours": overlap_hours}))

    def revoke_api_key(self, key_id: str) -> None:
        self.send("DELETE", f"/v1/api-keys/{key_id}")
