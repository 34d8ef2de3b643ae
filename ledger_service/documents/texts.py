"""What documents say, by language: one file each under `texts/`, all with the same keys."""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

from ..domain.times import from_chain
from .fonts import han_font
from .words import inline, is_rtl, one_line

LANGUAGES = ("en", "de", "zh", "ar")
_UNITS = (("days", 86_400), ("hours", 3_600), ("minutes", 60), ("seconds", 1))
_SHOWN_UNITS = 2


class Texts:
    """A language's texts, and what is written in its way."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self.language: str = content["language"]

    def __getitem__(self, path: str) -> Any:
        """The text at a path such as `bundle.title`."""
        found: Any = self.content
        for name in path.split("."):
            found = found[name]
        return found

    def say(self, path: str, **values: object) -> str:
        return str(self[path]).format(**values)

    def kind(self, kind: str, by: str) -> str:
        """What a record is called; who made it can make a difference. `by` is a role, or `contract`."""
        kinds = self.content["kinds"]
        return str(kinds.get(f"{kind}.{by}") or kinds.get(kind) or kind)

    def day(self, moment: datetime) -> str:
        month = self.content["months"][moment.month - 1]
        return self.say("day", day=moment.day, month=month, year=moment.year)

    def time(self, moment: datetime) -> str:
        return self.say("time", time=f"{moment:%H:%M:%S}")

    def moment(self, seconds: int) -> str:
        moment = from_chain(seconds)
        return self.say("moment", day=self.day(moment), time=self.time(moment))

    def duration(self, seconds: int) -> str:
        """Its two largest units, never longer than it is."""
        parts: list[str] = []
        for unit, length in _UNITS:
            count, seconds = divmod(seconds, length)
            if count and len(parts) < _SHOWN_UNITS:
                parts.append(self.say(f"units.{unit}", count=count))
        return " ".join(parts) or self.say("units.seconds", count=0)

    def who(self, role: str, name: str | None) -> str:
        word = str(self.content["roles"][role])
        return self.say("named", role=word, name=inline(name)) if name else word

    def percent(self, share: int) -> str:
        """Basis points of a refund."""
        return f"{share / 100:g} %" if self.language == "de" else f"{share / 100:g}%"

    def frame(self) -> dict[str, Any]:
        """What every part in this language needs."""
        return {
            "language": self.language,
            "rtl": self.content["rtl"],
            "han": han_font(self.language),
            "page": self.content["page"],
        }


def fact(label: str, text: str, *, code: bool = False, strong: bool = False) -> dict[str, Any]:
    """A labelled value of one line. `code` is set in a font of equal widths: our own hashes and addresses."""
    shown = text if code else one_line(text)
    return {"label": label, "text": shown, "code": code, "strong": strong, "rtl": is_rtl(shown)}


def language_of(wanted: str) -> str:
    """The language that a document is made in beside English."""
    primary = wanted.partition("-")[0].lower()
    return primary if primary in LANGUAGES else "en"


def parts_in(wanted: str) -> list[Texts]:
    """A reader's own language first, and English always."""
    return [texts(language) for language in dict.fromkeys((language_of(wanted), "en"))]


@lru_cache(maxsize=len(LANGUAGES))
def texts(language: str) -> Texts:
    file = files("ledger_service.documents") / "texts" / f"{language}.json"
    return Texts(json.loads(file.read_text("utf-8")))
