"""Pages and what they load: our own files, and a few libraries from `node_modules`. Nothing from anywhere else."""

from __future__ import annotations

import html
import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import cast

from fastapi import APIRouter, FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from ..dependencies import Ledger

_ROOT = Path(__file__).resolve().parents[2]
_PAGES = _ROOT / "frontend_static"
_LIBRARIES = ("preact", "htm", "@noble/curves", "@noble/hashes")
_SHOWN_MAILS = 100
_LINK = re.compile(r"https?://[^\s<>\"]+")
_REVALIDATE = {"Cache-Control": "no-cache"}

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
    return _page("status.html")


@router.get("/outbox")
async def show_outbox(request: Request, ledger: Ledger) -> Response:
    """On a local run: the mails that were written, with their links. Answers nobody but this machine."""
    settings = ledger.settings
    here = request.client is not None and request.client.host in ("127.0.0.1", "::1")
    if settings.smtp_host or not settings.is_local_chain or not here:
        raise HTTPException(404)
    mails = await run_in_threadpool(_mails, settings.data / "mail")
    body = "".join(_mail_as_html(mail) for mail in mails) or "<p>No mail has been written yet.</p>"
    return HTMLResponse(_OUTBOX.format(count=len(mails), mails=body))


def install(api: FastAPI) -> None:
    """Adds the pages. A service without the files is an API alone."""
    api.include_router(router)
    if _PAGES.is_dir():
        api.mount("/static", _Files(directory=_PAGES))
    if (_ROOT / "node_modules").is_dir():
        api.mount("/lib", _Libraries(directory=_ROOT / "node_modules"))


def _page(name: str) -> Response:
    if not (_PAGES / name).is_file():
        raise HTTPException(404)
    return FileResponse(_PAGES / name, headers=_REVALIDATE)


# --- mails of a local run --------------------------------------------------------------------------------------------

_OUTBOX = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Outbox of this local run</title>
<link rel="stylesheet" href="/static/css/outbox.css">
</head>
<body>
<main>
<h1>Outbox of this local run</h1>
<p>There is no mail server, so mails become files. The newest {count} of them:</p>
{mails}
</main>
</body>
</html>
"""


def _mails(folder: Path) -> list[EmailMessage]:
    """The newest mails, newest first."""
    files = sorted(folder.glob("*.eml"), key=lambda file: (file.stat().st_mtime_ns, file.name), reverse=True)
    return [
        message_from_bytes(file.read_bytes(), policy=policy.default)
        for file in files[:_SHOWN_MAILS]
    ]


def _mail_as_html(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    text = part.get_content() if part is not None else ""
    heading = html.escape(str(mail.get("Subject", "(no subject)")))
    to, when = html.escape(str(mail.get("To", ""))), html.escape(str(mail.get("Date", "")))
    return f"<article><h2>{heading}</h2><p>To {to}, {when}</p><pre>{_linked(text)}</pre></article>\n"


def _linked(text: str) -> str:
    """Escaped text in which addresses can be followed."""
    parts: list[str] = []
    end = 0
    for found in _LINK.finditer(text):
        address = html.escape(found[0], quote=True)
        parts += [html.escape(text[end : found.start()]), f'<a href="{address}">{address}</a>']
        end = found.end()
    return "".join([*parts, html.escape(text[end:])])
