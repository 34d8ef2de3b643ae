"""PDFs as their readers get them: their text, where each character stands, and the files inside."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pypdfium2
from pypdf import PdfReader

MARGIN = 40  # points; a little less than the layout's


def text_of(document: bytes) -> str:
    """All text, by PDFium, with what is not shown left out."""
    pages = (page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(document))
    return "\n".join(pages).replace("\r\n", "\n").translate(dict.fromkeys(map(ord, "\u200b\u2068\u2069")))


def boxes_outside(document: bytes) -> list[tuple[int, str]]:
    """Page and character of what stands beyond the margins."""
    return [(number, sign) for number, sign, box, size in _characters(document) if not _is_inside(box, size)]


def line_with(document: bytes, sign: str) -> str:
    """The first line that holds a sign, as it is seen from left to right."""
    seen = [(number, each, box) for number, each, box, _ in _characters(document)]
    at, middle = next((number, (box[1] + box[3]) / 2) for number, each, box in seen if each == sign)
    line = [(box[0], each) for number, each, box in seen if number == at and box[1] <= middle <= box[3]]
    return "".join(each for _, each in sorted(line))


def _characters(
    document: bytes,
) -> Iterator[tuple[int, str, tuple[float, float, float, float], tuple[float, float]]]:
    for number, page in enumerate(pypdfium2.PdfDocument(document)):
        found = page.get_textpage()
        for index in range(found.count_chars()):
            sign = found.get_text_range(index, 1)
            if sign.strip():
                yield number, sign, found.get_charbox(index), page.get_size()


def _is_inside(box: tuple[float, float, float, float], size: tuple[float, float]) -> bool:
    left, bottom, right, top = box
    return left >= MARGIN and right <= size[0] - MARGIN and bottom >= MARGIN / 2 and top <= size[1] - MARGIN / 2


def files_in(document: bytes) -> dict[str, bytes]:
    """The embedded files by name."""
    return {name: contents[0] for name, contents in PdfReader(io.BytesIO(document)).attachments.items()}


def page_count(document: bytes) -> int:
    return len(PdfReader(io.BytesIO(document)).pages)
