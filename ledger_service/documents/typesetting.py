"""From data to a PDF, in memory: PDF/A-3 with tags, so that it can be kept, read aloud, and carry the signed file.

The typesetter is Typst. Data reach the layout as one JSON string and are only ever shown: no text from outside is
markup, and the layout can read nothing but the two files beside it.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import segno

from ..domain.times import to_chain
from ..errors import Overloaded, TooLarge
from .fonts import fonts

MAX_ATTACHED = 16 * 1024 * 1024
_FOLDER = Path(__file__).parent
_AT_ONCE = 2  # documents that are set side by side, so that whoever asks for many holds up nobody else for long
_PATIENCE = 10.0  # seconds
_room = threading.BoundedSemaphore(_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file inside the PDF."""

    name: str
    media_type: str
    content: str
    description: str


def fits(*files: Attachment) -> bool:
    """Whether a PDF takes these files."""
    return sum(len(file.content) for file in files) <= MAX_ATTACHED


def typeset(
    layout: str, *, title: str, author: str, at: datetime, link: str | None, files: list[Attachment], parts: list[Any]
) -> bytes:
    """A PDF of a layout beside this file: the same for the same data and moment. `link` becomes the QR code.

    Raises TooLarge for attachments beyond all measure, Overloaded where many others wait.
    """
    if not fits(*files):
        raise TooLarge("What is to be attached is too large for a PDF.", remedy="Leave it out.")
    data = {
        "title": title,
        "author": author,
        "at": [at.year, at.month, at.day, at.hour, at.minute, at.second],
        "qr": _qr(link) if link else "",
        "han": parts[0]["han"],
        "files": [{name: getattr(file, name) for name in Attachment.__slots__} for file in files],
        "parts": parts,
    }
    import typst  # heavy, and few processes ever make a document

    if not _room.acquire(timeout=_PATIENCE):
        raise Overloaded("Many documents are being made just now.", retry_after=5)
    try:
        return typst.compile(
            _FOLDER / f"{layout}.typ",
            root=_FOLDER,
            font_paths=fonts(),
            ignore_system_fonts=True,
            format="pdf",
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            pdf_standards=["a-3a", "ua-1"],
            timestamp=to_chain(at),
        )
    finally:
        _room.release()


def _qr(link: str) -> str:
    """The QR code of a link as SVG."""
    return str(segno.make(link, error="l", micro=False).svg_inline(scale=1, border=2, dark="#1b2430"))
