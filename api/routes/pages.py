"""Pages and what they load: our own files, and a few libraries from `node_modules`. Nothing from anywhere else."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ledger_service.domain.times import rfc3339
from ledger_service.services.app import App

from ..dependencies import Ledger
from ..security import content_security_policy

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = _ROOT / "frontend_static"
_LIBRARIES = ("preact", "htm", "@noble/curves", "@noble/hashes")
_SHOWN_MAILS = 100
_LINK = re.compile(r"https?://[^\s<>\"]+/s#[^\s<>\"]+")
_HERE = ("127.0.0.1", "::1", "localhost")
_REVALIDATE = {"Cache-Control": "no-cache"}
_IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)
# The page checks a case against a node of its reader's choosing: any that is reached over TLS, or on their own machine.
_NODES = "'self' https: http://localhost:* http://127.0.0.1:*"

router = APIRouter(include_in_schema=False)


class _Files(StaticFiles):
    """Files that a browser may keep, but asks about each time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_REVALIDATE)
        return response


class _Libraries(_Files):
    """Of `node_modules`, what the pages import, and nothing else."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if not any(path.startswith(f"{name}/") for name in _LIBRARIES):
            raise HTTPException(404)
        return await super().get_response(path, scope)


@router.get("/")
async def show_start() -> Response:
    return _page("index.html")


@router.get("/s")
async def show_status_page() -> Response:
    """The page of a status link. Its token stands in the fragment, which never reaches a server."""
    page = _page("status.html")
    page.headers["Content-Security-Policy"] = status_policy()
    return page


@router.get("/arbitrator")
async def show_arbitrator_console() -> Response:
    """Where arbitrators read cases and vote. It opens keys, so it speaks to this service alone; images are evidence."""
    page = _page("arbitrator.html")
    policy = content_security_policy(scripts=_scripts_of("arbitrator.html"), images="'self' data: blob:")
    page.headers["Content-Security-Policy"] = policy
    return page


@router.get("/worker.js")
async def show_worker() -> Response:
    """What keeps the status page readable without a network. It stands at the root: it may serve no page above it."""
    return _page("status/worker.js")


@router.get("/outbox")
async def show_outbox(request: Request, ledger: Ledger) -> Response:
    """On a local run: the mails that would have been sent."""
    _require_local(request, ledger)
    return _page("outbox.html")


@router.api_route("/outbox/messages", methods=["GET", "HEAD"])
async def list_mails(request: Request, ledger: Ledger) -> Response:
    """What the page shows: `id`, `date`, `subject`, `to`, `text` and `link` of each mail, newest first."""
    _require_local(request, ledger)
    return JSONResponse(await run_in_threadpool(_mails, ledger.settings.data / "mail"))


def install(api: FastAPI) -> None:
    """Adds the pages. A service without the files is an API alone. Only files are compressed: none is secret."""
    api.include_router(router)
    if _PAGES.is_dir():
        api.mount("/static", GZipMiddleware(_Files(directory=_PAGES)))
    if (_ROOT / "node_modules").is_dir():
        api.mount("/lib", GZipMiddleware(_Libraries(directory=_ROOT / "node_modules")))


def _page(name: str) -> Response:
    if not (_PAGES / name).is_file():
        raise HTTPException(404)
    return FileResponse(_PAGES / name, headers=_REVALIDATE)


def status_policy() -> str:
    """The policy of the status page, which asks nodes of its reader's choosing."""
    return content_security_policy(scripts=_scripts_of("status.html"), connections=_NODES)


def _scripts_of(name: str) -> str:
    """Our own scripts, and a page's import map, which says where the libraries are: it is let in by its hash."""
    found = _IMPORT_MAP.search((_PAGES / name).read_text("utf-8"))
    digest = hashlib.sha256(found[1].encode() if found else b"").digest()
    return f"'self' 'sha256-{base64.b64encode(digest).decode()}'"


# --- mails of a local run --------------------------------------------------------------------------------------------


def _require_local(request: Request, ledger: App) -> None:
    """Mails hold links that act, so this machine alone may ask, and only where no mail server sends them.

    The name in the address counts too: a site elsewhere can have its own name lead to this machine, and behind a proxy
    on this machine the whole world asks from here, under the service's public name.
    """
    settings = ledger.settings
    here = request.client is not None and request.client.host in _HERE
    named = request.url.hostname in _HERE and urlsplit(settings.url).hostname in _HERE
    if settings.smtp_host or not settings.is_local_chain or not here or not named:
        raise HTTPException(404)


def _mails(folder: Path) -> list[dict[str, str | None]]:
    files = sorted(folder.glob("*.eml"), key=lambda file: (file.stat().st_mtime_ns, file.name), reverse=True)
    return [_mail(file) for file in files[:_SHOWN_MAILS]]


def _mail(file: Path) -> dict[str, str | None]:
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    part = mail.get_body(("plain",))
    text = part.get_content() if part is not None else ""
    written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    link = _LINK.search(text)
    return {
        "id": file.stem,
        "date": rfc3339(mail["Date"].datetime if mail["Date"] is not None else written),
        "subject": str(mail.get("Subject", "")),
        "to": str(mail.get("To", "")),
        "text": text,
        "link": link[0] if link else None,
    }
