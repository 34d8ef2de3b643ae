"""What happened in a case, line by line, as evidence has it and in a reader's language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..domain.disclosures import read_disclosure
from ..domain.reading import Reading, Row
from ..domain.times import from_chain, parse_moment, to_chain
from ..domain.vocabulary import Role
from ..domain.vote_checks import ruled_at
from ..errors import InvalidInput
from .texts import Texts
from .words import is_rtl, one_line, paragraphs

MOST_ROWS = 300
_WORDS = ("reason", "text", "note")
_LONG = 900  # characters of what was said beyond which an entry may go on over a page
_TONES = {"final": "good", "recorded": "waiting", "accepted": "plain", "rejected": "bad"}


class Story:
    """The lines of a case in one language. `names` are the parties' names by address."""

    def __init__(self, reading: Reading, texts: Texts, names: Mapping[str, str]) -> None:
        self._reading = reading
        self._texts = texts
        self._names = names

    def rows(self) -> list[dict[str, Any]]:
        rows = self._reading.rows
        return [self._row(row, rows[:index]) for index, row in enumerate(rows[:MOST_ROWS])]

    @property
    def left_out(self) -> int:
        return max(0, len(self._reading.rows) - MOST_ROWS)

    def _row(self, row: Row, before: Sequence[Row]) -> dict[str, Any]:
        texts, stage = self._texts, self._stage(row)
        when = self._when(row)
        said = [*self._said(row), *self._votes(row)]
        return {
            "day": texts.day(from_chain(when)) if when is not None else texts["unknown"],
            "time": texts.time(from_chain(when)) if when is not None else "",
            "title": one_line(texts.kind(row.kind, _effect(row, before) or self._by(row))),
            "who": self._who(row),
            "facts": " · ".join(self._facts(row)),
            "said": said,
            "place": " · ".join(self._place(row)),
            "tone": _TONES[stage],
            "stage": texts[f"stages.{stage}"],
            "long": sum(len(each["text"]) for each in said) > _LONG,
        }

    def _stage(self, row: Row) -> str:
        evidence = self._reading.evidence
        if row.link is None:
            return "rejected" if row.refusal else "accepted"
        depth = evidence.head_block - row.link.place.block
        return "final" if depth >= evidence.chain.confirmations else "recorded"

    def _by(self, row: Row) -> str:
        if row.by_contract:
            return "contract"
        return row.entry.role.wire if row.entry else str(row.record.body.get("role")) if row.record else ""

    def _when(self, row: Row) -> int | None:
        return row.entry.time if row.entry else self._claimed(row)

    def _claimed(self, row: Row) -> int | None:
        """When it happened, as its signer says."""
        try:
            stated = row.record.body.get("occurred_at") if row.record else None
            return to_chain(parse_moment(str(stated), field="occurred_at"))
        except InvalidInput:
            return None

    def _who(self, row: Row) -> str:
        if row.by_contract or row.by_panel:
            return str(self._texts["keys.contract" if row.by_contract else "keys.panel"])
        role = self._by(row)
        actor = row.link.actor if row.link else str(row.record.body.get("signer")) if row.record else ""
        known = role in (each.wire for each in Role)
        who = self._texts.who(role, self._names.get(actor)) if known else self._texts["unknown"]
        key = str(row.record.body.get("key")) if row.record else "unread"
        return self._texts.say(f"keys.{key}" if key in ("own", "service") else "keys.unread", who=who)

    def _facts(self, row: Row) -> Iterator[str]:
        texts, data = self._texts, row.record.body.get("data") if row.record else None
        if row.by_panel and row.entry:
            yield texts.say("data.share", value=texts.percent(row.entry.share))
        if not isinstance(data, dict):
            return
        if data.get("grade") in texts["grades"]:
            yield texts.say("data.grade", value=texts[f"grades.{data['grade']}"])
        if type(data.get("share")) is int:
            yield texts.say("data.share", value=texts.percent(data["share"]))
        if type(data.get("fee")) is int and data["fee"]:
            yield texts.say("data.fee", value=texts.percent(data["fee"]))
        for name in ("carrier", "location", "reference"):
            if isinstance(data.get(name), str) and not (name == "reference" and row.kind == "requested"):
                yield texts.say(f"data.{name}", value=one_line(data[name]))

    def _said(self, row: Row) -> Iterator[dict[str, Any]]:
        for name, value in shown_fields(row):
            if name in _WORDS:
                yield quote(self._texts[f"words.{name}"], value)
            elif name.startswith("attachments."):
                yield quote(self._texts["words.attachment"], one_line(value))

    def _votes(self, row: Row) -> Iterator[dict[str, Any]]:
        """What the arbitrators gave as their reasons, beside the ruling that their votes made."""
        if not row.by_panel or row.link is None:
            return
        for vote in self._reading.evidence.votes:
            if ruled_at(self._reading, vote) == row.link.place:
                label = self._texts.say("words.vote", value=self._texts.percent(vote.share))
                reasons = [value for name, value in opened(vote.disclosures) if name in ("reason", "reasons")]
                yield quote(label, "\n".join(reasons) or self._names.get(vote.arbitrator) or vote.arbitrator)

    def _place(self, row: Row) -> Iterator[str]:
        texts, claimed = self._texts, self._claimed(row)
        if row.link is not None:
            yield texts.say("data.place", block=row.link.place.block, position=row.position)
        elif row.refusal is not None:
            yield texts.say("data.refusal", value=one_line(row.refusal.reason))
        else:
            yield str(texts["data.waiting"])
        if claimed is not None and row.entry is not None:
            yield texts.say("data.claimed", value=texts.moment(claimed))


def _effect(row: Row, before: Sequence[Row]) -> str | None:
    """What a record did where its kind and its maker do not say: see `timeline` of the status page."""
    kinds = [each.kind for each in before]
    if row.kind == "disputed" and ("disputed" in kinds or "challenged" in kinds):
        return "fallback" if row.by_contract else "again"
    answers = [each for each in before if each.kind in ("accepted", "objected")]
    waited = bool(answers) and answers[-1].kind == "accepted" and not answers[-1].by_contract
    return "notice" if row.kind == "accepted" and row.by_contract and waited else None


def quote(label: str, text: str) -> dict[str, Any]:
    """What somebody wrote, set apart from what the document says itself."""
    shown = paragraphs(text)
    return {"label": label, "text": shown, "rtl": is_rtl(shown)}


def shown_fields(row: Row) -> list[tuple[str, str]]:
    """Name and value of the personal fields that are shown of a record."""
    return opened(row.statement.disclosures) if row.statement else []


def opened(disclosures: tuple[str, ...]) -> list[tuple[str, str]]:
    found = []
    for encoded in disclosures:
        try:
            disclosure = read_disclosure(encoded)
        except ValueError:
            continue  # check 1 says so
        if isinstance(disclosure.value, str):
            found.append((disclosure.name, disclosure.value))
    return found
