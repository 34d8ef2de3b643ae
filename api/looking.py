"""Which answers show personal data: each of them leaves a row in the access trail.

One table, so that no route has to remember it, and a test that every route stands in it or is known to show none.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger_service.services.access_trail import AccessTrail, Look
from ledger_service.services.links import LinkClaims
from ledger_service.store.tables import Account

EXPORT = "export"
# By method and route. What asks for personal fields by name is of the kind `disclosures`.
LOOKS: dict[tuple[str, str], str] = {
    ("GET", "/v1/cases/{case_id}"): "case",
    ("GET", "/v1/cases/{case_id}/milestones"): "milestones",
    ("GET", "/v1/cases/{case_id}/observations"): "observations",
    ("GET", "/v1/cases/{case_id}/bundle"): "bundle",
    ("GET", "/v1/cases/{case_id}/bundle.pdf"): "pdf",
    ("GET", "/v1/cases/{case_id}/acknowledgement.pdf"): "acknowledgement",
    ("GET", "/v1/disputes/{case_id}"): "dispute",
    ("GET", "/v1/audit/refunds/{case_id}"): "refund",
    ("GET", "/v1/exports/cases.csv"): EXPORT,
    ("POST", "/v1/personal-data"): EXPORT,
    ("GET", "/v1/status"): "status",
    ("GET", "/v1/status/stream"): "status",
    ("GET", "/v1/status/bundle"): "bundle",
    ("GET", "/v1/status/bundle.pdf"): "pdf",
    ("GET", "/v1/status/acknowledgement.pdf"): "acknowledgement",
}


class Looking:
    """Notes looks as their answers begin."""

    def __init__(self, app: ASGIApp, trail: AccessTrail) -> None:
        self._app = app
        self._trail = trail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_and_note(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                look = look_of(scope)
                if look is not None:
                    self._trail.note(look)
            await send(message)

        await self._app(scope, receive, send_and_note)


def look_of(scope: Scope) -> Look | None:
    """What an answered request was shown; None for what shows nothing of a person."""
    kind = LOOKS.get((scope["method"], getattr(scope.get("route"), "path", "")))
    if kind is None:
        return None
    state = scope["state"]
    link, account = state.get("link"), state.get("account")
    if isinstance(link, LinkClaims):
        return Look(kind, link.case_id, None, link.jti, "link")
    if not isinstance(account, Account):
        return None
    case_id = scope["path_params"].get("case_id")
    if kind == "bundle" and b"reveal=" in scope["query_string"]:
        kind = "disclosures"
    through = "session" if state["in_session"] else "api_key"
    return Look(kind, case_id.lower() if case_id else None, account.id, None, through)
