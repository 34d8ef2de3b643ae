"""What was observed in a case, line by line, as evidence has it and in a reader's language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..domain.checkpoint import keys_of, read_checkpoint
from ..domain.observations import ROLES, Observation
from ..domain.reading import Reading
from ..domain.records import record_of
from ..domain.row_checks import BROKEN
from ..domain.times import from_chain, parse_moment, to_chain
from ..domain.vocabulary import Role
from ..errors import IntegrityFailure
from .story import opened, quote
from .texts import Texts
from .words import one_line

MOST = 100  # lines; the attached file has all
_TONES = {"anchored": "good", "logged": "waiting", "accepted": "plain"}
_OPEN = {
    "scanned": ("status", "status_detail", "carrier", "country"),
    "reading": ("quantity", "value", "unit", "sensor"),
    "message": ("channel",),
    "noted": ("topic",),
}
_SAID = {"text": "text", "message": "text", "note": "note"}  # the sealed field, and how its words are called
_LONG = 900


class Observed:
    """The lines of a case's observations in one language. `names` are the parties' names by address."""

    def __init__(self, reading: Reading, texts: Texts, names: Mapping[str, str]) -> None:
        self._evidence = reading.evidence
        self._texts = texts
        self._names = names
        self._size = _anchored_size(reading)

    def part(self) -> dict[str, Any]:
        texts, all_of_them = self._texts["observed"], self._evidence.observations
        left_out = len(all_of_them) - MOST
        return {
            "title": texts["title"],
            "note": texts["note"],
            "rows": [self._row(one) for one in all_of_them[:MOST]],
            "more": texts["more"].format(count=left_out) if left_out > 0 else "",
        }

    def _row(self, one: Observation) -> dict[str, Any]:
        texts, stage = self._texts, self._stage(one)
        when, body = None, _body(one)
        if body is not None:
            when = from_chain(to_chain(parse_moment(str(body["occurred_at"]), field="occurred_at")))
        said = list(self._said(one))
        place = "waiting" if one.index is None else "entry"
        return {
            "day": texts.day(when) if when is not None else texts["unknown"],
            "time": texts.time(when) if when is not None else "",
            "title": texts[f"observed.kinds.{body['kind']}"] if body else texts["unknown"],
            "who": self._who(body) if body else "",
            "facts": " · ".join(self._facts(one, body)) if body else "",
            "said": said,
            "place": texts.say(f"observed.{place}", index=one.index),
            "tone": _TONES[stage],
            "stage": texts[f"observed.stages.{stage}"],
            "long": sum(len(each["text"]) for each in said) > _LONG,
        }

    def _stage(self, one: Observation) -> str:
        if one.index is None:
            return "accepted"
        return "anchored" if one.index < self._size else "logged"

    def _who(self, body: Mapping[str, Any]) -> str:
        who = self._texts.who(str(body["role"]), self._names.get(str(body["signer"])))
        return self._texts.say(f"keys.{body['key']}", who=who)

    def _facts(self, one: Observation, body: Mapping[str, Any]) -> Iterator[str]:
        found = (body["data"].get(name) for name in _OPEN[body["kind"]])
        stands = [one_line(str(value).replace("_", " ")) for value in found if value is not None]
        if stands:
            yield " ".join(stands) if body["kind"] == "reading" else " · ".join(stands)
        for name, value in opened(one.disclosures):
            if name == "location":
                yield self._texts.say("data.location", value=one_line(value))

    def _said(self, one: Observation) -> Iterator[dict[str, Any]]:
        for name, value in opened(one.disclosures):
            if name in _SAID:
                yield quote(self._texts[f"words.{_SAID[name]}"], value)


def _body(one: Observation) -> dict[str, Any] | None:
    """What it states; None for what is no observation, which the checks say."""
    try:
        body = record_of(one.canonical.encode()).body
        parse_moment(str(body["occurred_at"]), field="occurred_at")
        is_one = Role.from_wire(body["role"]) in ROLES[body["kind"]] and isinstance(body["data"], dict)
        is_one = is_one and body["key"] in ("own", "service")
    except BROKEN:
        return None
    return body if is_one else None


def _anchored_size(reading: Reading) -> int:
    """How many entries of the log the anchored checkpoint covers."""
    given = reading.evidence.checkpoint
    if given is None or given.note is None or given.anchor is None:
        return 0
    try:
        return read_checkpoint(given.note, keys_of(reading.keys)).size
    except IntegrityFailure:
        return 0
