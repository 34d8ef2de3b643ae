"""Text from outside on its way onto a page: nothing in it may move what stands around it, or fail to show."""

from __future__ import annotations

import unicodedata
from itertools import groupby

from .fonts import covered

MISSING = "□"  # in place of a character that no font of ours has; the attached file holds the text as it was
_JOINERS = "\u200c\u200d"  # which words of some scripts need
_ISOLATE, _END = "\u2068", "\u2069"  # FSI and PDI of UAX #9
_BREAK = "\u200b"
_UNBROKEN = 24  # characters of a word after which it may go on in the next line
_MARKS = 3  # that stand on one another


def one_line(text: str, most: int = 200) -> str:
    """Text as one line of at most so many characters."""
    return _fit(" ".join(_clean(text).split()), most)


def paragraphs(text: str, most: int = 4_000) -> str:
    """Text of several lines, as they were written."""
    lines = (" ".join(line.split()) for line in _clean(text).splitlines())
    return _fit("\n".join(lines).strip("\n"), most)


def inline(text: str, most: int = 120) -> str:
    """A name within a sentence: it takes its own direction, and gives the sentence none."""
    return f"{_ISOLATE}{one_line(text, most)}{_END}"


def bare(text: str) -> str:
    """A text of ours without what holds its names together, for where nothing is set."""
    return text.translate(dict.fromkeys(map(ord, (_ISOLATE, _END, _BREAK))))


def is_rtl(text: str) -> bool:
    """Whether the first letter with a direction is of a script that is written from right to left."""
    found = (unicodedata.bidirectional(sign) for sign in text)
    return next((kind in ("R", "AL") for kind in found if kind in ("L", "R", "AL")), False)


def _clean(text: str) -> str:
    kept = (sign if sign in "\n\t" else _shown(sign) for sign in unicodedata.normalize("NFC", str(text)))
    return _thin("".join(kept))


def _shown(sign: str) -> str:
    category = unicodedata.category(sign)
    if sign in _JOINERS:
        return sign
    if category == "Cc" or category == "Cf":
        return " " if category == "Cc" else ""
    if category in ("Zl", "Zp"):
        return "\n"
    return sign if ord(sign) in covered() else MISSING


def _thin(text: str) -> str:
    """At most a few marks in a row: more of them would paint over the lines above and below."""
    found = []
    for is_mark, signs in groupby(text, lambda sign: unicodedata.category(sign) in ("Mn", "Me")):
        run = "".join(signs)
        found.append(run[:_MARKS] if is_mark else run)
    return "".join(found)


def _fit(text: str, most: int) -> str:
    cut = text if len(text) <= most else text[: most - 1].rstrip() + "…"
    return " ".join(_breakable(word) for word in cut.split(" "))


def _breakable(word: str) -> str:
    """A word that is longer than any word gets places to break. Scripts without spaces have them by themselves."""
    if len(word) <= _UNBROKEN or not word.isascii():
        return word if len(word) <= _UNBROKEN else _BREAK.join(_clusters(word))
    return _BREAK.join(word[start : start + _UNBROKEN] for start in range(0, len(word), _UNBROKEN))


def _clusters(word: str) -> list[str]:
    """Pieces of a long word that no mark is cut off from, and no joined letters are parted in."""
    pieces, piece = [], ""
    for sign in word:
        if len(piece) >= _UNBROKEN and not unicodedata.combining(sign) and sign not in _JOINERS:
            pieces.append(piece)
            piece = ""
        piece += sign
    return [*pieces, piece]
