"""An evidence bundle as a PDF for people, with the bundle itself attached.

It says nothing that is not in the bundle, but for the names of the parties and what `Facts` hold; the same bundle and
facts make the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..domain.breaches import Breach, find_breaches
from ..domain.case_state import CaseState, decide
from ..domain.evidence import parse_evidence
from ..domain.hashing import hex0x
from ..domain.money import to_decimal, to_minor
from ..domain.payout import split_lock
from ..domain.reading import Reading
from ..domain.replay import Replay, Rules
from ..domain.times import from_chain, parse_moment, to_chain
from ..domain.vocabulary import Flag, Mode, State
from ..errors import LedgerError
from .observed import Observed
from .story import Story, shown_fields
from .texts import Texts, fact, parts_in
from .typesetting import Attachment, fits, typeset
from .words import bare, inline, one_line

_DECIDED = (State.INSPECTED, State.RULED, State.PAYABLE, State.REFUNDED, State.SETTLED)
_MOST_ITEMS = 60
_TONES = {"pass": "good", "fail": "bad", "pending": "waiting", "skipped": "plain"}
_SHORT = 18  # characters of a case's id in the footer


@dataclass(frozen=True, slots=True)
class Facts:
    """What is said beside the bundle. `at` is when the document is made, seconds since 1970 UTC; `names` are by
    address; `next` and `checks` are those of the API; `reference` is the shop's own for the case, empty where
    the reader is not shown it; `link` is a status link that can only read."""

    at: int
    language: str
    service: str
    merchant: str
    verdict: str
    names: Mapping[str, str] = field(default_factory=dict)
    next: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Mapping[str, Any], ...] = ()
    reference: str = ""
    link: str | None = None
    test: bool = False


def bundle_pdf(bundle: dict[str, Any], facts: Facts) -> bytes:
    """One beyond all measure is left out, and the page says so. Raises InvalidInput for what is no bundle."""
    reading = Reading(parse_evidence(bundle["evidence"]))
    content = json.dumps(bundle, indent=1, ensure_ascii=False) + "\n"
    case_id = hex0x(reading.evidence.case_id)
    file = Attachment(f"case-{case_id[2:10]}.bundle.json", "application/json", content, "The signed evidence bundle")
    pages = [_Page(reading, texts, facts, file).part() for texts in parts_in(facts.language)]
    return typeset(
        "bundle",
        title=bare(pages[0]["title"]),
        author=one_line(facts.service),
        at=from_chain(facts.at),
        link=facts.link,
        files=[file] if fits(file) else [],
        parts=pages,
    )


class _Page:
    """The document in one language."""

    def __init__(self, reading: Reading, texts: Texts, facts: Facts, file: Attachment) -> None:
        self._reading, self._evidence = reading, reading.evidence
        self._texts, self._facts, self._file = texts, facts, file
        self._case_id = hex0x(reading.evidence.case_id)
        self._requested = reading.requested
        self._rules: Rules | None = None if isinstance(reading.rules, str) else reading.rules
        replayed = reading.replayed
        self._case: CaseState | None = replayed.case if isinstance(replayed, Replay) else None

    def part(self) -> dict[str, Any]:
        texts = self._texts
        names = {**self._facts.names, self._evidence.parties.merchant: self._facts.merchant}
        story = Story(self._reading, texts, names)
        left_out = story.left_out
        return {
            **texts.frame(),
            "kind": texts["bundle.kind"],
            "title": texts.say("bundle.title", reference=inline(self._reference())),
            "lead": self._state(),
            "more": self._next(),
            "scan": texts["bundle.scan"],
            "foot": texts.say("bundle.foot", case=f"{self._case_id[:_SHORT]}…", moment=texts.moment(self._facts.at)),
            "facts": list(self._facts_rows()),
            "goods": {"title": texts["bundle.goods"], "lines": self._goods()},
            "money": {"title": texts["bundle.money.title"], "rows": list(self._money())},
            "story": {
                "title": texts["bundle.story.title"],
                "note": texts["bundle.story.note"],
                "rows": story.rows(),
                "more": texts.say("bundle.story.more", count=left_out) if left_out else "",
            },
            "observed": Observed(self._reading, texts, names).part(),
            "breaches": self._breaches(),
            "checks": self._checks(),
            "trust": {"title": texts["bundle.trust.title"], "lines": list(self._trust())},
            "proof": self._proof(),
        }

    def _reference(self) -> str:
        """The shop's own; that in the record, where older ones have it; else the beginning of the case's id."""
        return str(self._facts.reference or self._requested.get("reference") or self._case_id[2:10])

    # --- at a glance -------------------------------------------------------------------------------------------------

    def _state(self) -> str:
        case, name = self._case, "none"
        if case is not None:
            unpaid = case.state is State.SETTLED and case.has(Flag.UNPAID)
            name = "settled_unpaid" if unpaid else case.state.wire
        elif any(row.kind == "requested" and row.refusal for row in self._reading.rows):
            name = "rejected"
        return self._texts.say(f"states.{name}", amount=self._expected() or self._texts["unknown"])

    def _next(self) -> str:
        upcoming, texts = self._facts.next, self._texts
        if not upcoming.get("waiting_for") or not upcoming.get("deadline"):
            return ""
        deadline = to_chain(parse_moment(str(upcoming["deadline"]), field="deadline"))
        waiting = texts.say("waiting", who=texts[f"roles.{upcoming['waiting_for']}"], moment=texts.moment(deadline))
        word = str(upcoming.get("otherwise"))
        otherwise = texts["otherwise"].get("notice" if word.startswith("notice_") else word, "")
        return f"{waiting} {otherwise}".strip()

    def _facts_rows(self) -> Iterator[dict[str, Any]]:
        texts, facts = self._texts, self._facts
        labels = texts["bundle.facts"]
        policy = self._evidence.policy
        yield fact(labels["shop"], facts.merchant, strong=True)
        personal = self._personal()
        if "consumer.name" in personal:
            yield fact(labels["consumer"], personal["consumer.name"], strong=True)
        if "order.reference" in personal:
            yield fact(labels["order"], personal["order.reference"])
        title = one_line(str(policy.get("title", "")))
        yield fact(labels["rules"], texts.say("bundle.rules", title=title, version=policy.get("version", "")))
        if self._rules is not None:
            yield fact(labels["mode"], texts[f"bundle.modes.{self._rules.terms.mode.wire}"])
        yield fact(labels["case"], self._case_id, code=True)
        yield fact(labels["made"], texts.moment(facts.at))

    def _personal(self) -> dict[str, str]:
        opening = next((row for row in self._reading.rows if row.kind == "requested"), None)
        return dict(shown_fields(opening)) if opening else {}

    def _goods(self) -> list[str]:
        lines = []
        items = self._requested.get("items")
        for item in (items if isinstance(items, list) else [])[:_MOST_ITEMS]:
            if isinstance(item, dict):
                named = one_line(str(item.get("description") or item.get("sku") or ""))
                lines.append(self._texts.say("bundle.item", quantity=item.get("quantity", "?"), description=named))
        left_out = len(items) - len(lines) if isinstance(items, list) else 0
        return [*lines, self._texts.say("bundle.story.more", count=left_out)] if left_out else lines

    # --- money -------------------------------------------------------------------------------------------------------

    def _currency(self) -> str:
        refund = self._requested.get("refund")
        return str(refund.get("currency")) if isinstance(refund, dict) else ""

    def _amount(self, minor: int) -> str:
        try:
            return f"{to_decimal(minor, self._currency())} {self._currency()}"
        except LedgerError:
            return str(self._texts["unknown"])

    def _claimed(self, name: str = "refund") -> int:
        amount = self._requested.get(name)
        try:
            return to_minor(amount["amount"], amount["currency"]) if isinstance(amount, dict) else 0
        except (LedgerError, KeyError):
            return 0

    def _expected(self) -> str | None:
        """What is proposed or decided for the consumer, with the freight."""
        case, rules = self._case, self._rules
        if case is None or rules is None or case.state not in _DECIDED:
            return None
        settled = next((event for event in self._evidence.escrow if event.event == "Settled"), None)
        if settled is not None and rules.terms.mode is Mode.REFUND:
            return self._amount(settled.args["toConsumer"])
        if case.state in (State.INSPECTED, State.RULED):
            case = decide(case, rules.policy, case.share, case.fee)
        payout = split_lock(
            refund=self._claimed(),
            freight=self._claimed("freight"),
            reserve=0,
            share=case.share,
            fee=case.fee,
            freight_to_consumer=case.has(Flag.FREIGHT_TO_CONSUMER),
        )
        return self._amount(payout.to_consumer)

    def _money(self) -> Iterator[dict[str, Any]]:
        words = self._texts["bundle.money"]
        yield {"label": words["claimed"], "amount": self._amount(self._claimed()), "strong": True}
        events = {event.event: event.args for event in self._evidence.escrow}
        if "Locked" not in events:
            yield {"label": words["none"], "amount": "", "strong": False}
            return
        locked, settled, paid = events["Locked"], events.get("Settled"), events.get("Withdrawn")
        moved = [("locked", sum(locked[name] for name in ("refund", "freight", "reserve")))]
        moved += [("reserve", locked["reserve"])] if locked["reserve"] else []
        if settled is not None:
            moved += [("to_consumer", settled["toConsumer"]), ("to_merchant", settled["toMerchant"])]
            moved += [("fees", settled["fees"])] if settled["fees"] else []
        for name, minor in moved:
            yield {"label": words[name], "amount": self._amount(minor), "strong": name == "to_consumer"}
        if paid is not None:
            label = words["withdrawn"].format(to=paid["to"])
            yield {"label": label, "amount": self._amount(paid["amount"]), "strong": True}

    # --- what was missed, checked, trusted ---------------------------------------------------------------------------

    def _breaches(self) -> dict[str, Any]:
        texts = self._texts
        try:
            found = find_breaches(self._reading)
        except LedgerError:
            found = []
        note = texts["bundle.breaches.note" if found else "bundle.breaches.none"]
        return {"title": texts["bundle.breaches.title"], "note": note, "rows": [self._breach(one) for one in found]}

    def _breach(self, breach: Breach) -> dict[str, Any]:
        texts, rules = self._texts, self._rules
        name = self._facts.names.get(rules.actor(breach.party)) if rules else None
        late = "bundle.breaches.open" if breach.shown_by == "open" else "bundle.breaches.late"
        return {
            "title": texts.say(f"bundle.breaches.{breach.basis}", window=texts[f"windows.{breach.window}"]),
            "late": texts.say(late, late=texts.duration(breach.late)),
            "text": texts.say(
                "bundle.breaches.text",
                who=texts.who(breach.party.wire, name),
                deadline=texts.moment(breach.deadline),
                block=breach.block.number,
                moment=texts.moment(breach.block.time),
            ),
        }

    def _checks(self) -> dict[str, Any]:
        texts = self._texts
        rows = [
            {
                "number": str(check["number"]),
                **texts["checks"][str(check["number"])],
                "tone": _TONES[check["result"]],
                "result": texts[f"results.{check['result']}"],
            }
            for check in self._facts.checks
            if str(check["number"]) in texts["checks"]
        ]
        verdict = texts[f"verdicts.{self._facts.verdict}"]
        return {"title": texts["bundle.checks.title"], "verdict": verdict, "rows": rows}

    def _trust(self) -> Iterator[str]:
        texts, chain = self._texts, self._evidence.chain
        yield texts.say("bundle.trust.chain", id=chain.id, operator=inline(chain.operator))
        if self._facts.test:
            yield texts["bundle.trust.test"]
        final = texts["bundle.trust"]["final.n" if chain.confirmations else "final.0"]
        yield final.format(count=chain.confirmations)
        bodies = [row.record.body for row in self._reading.rows if row.record is not None]
        held = dict.fromkeys(str(body.get("role")) for body in bodies if body.get("key") == "service")
        known = [texts["roles"][role] for role in held if role in texts["roles"]]
        if known:
            yield texts.say("bundle.trust.held", roles=f"{texts['comma']} ".join(known))
        yield texts["bundle.trust.claims"]
        if fits(self._file):
            yield texts["bundle.trust.paper"]

    def _proof(self) -> dict[str, Any]:
        words = self._texts["bundle.proof"]
        keys = fact(words["keys"], f"{self._facts.service}/.well-known/jwks.json", code=True)
        if not fits(self._file):
            return {"title": words["title"], "lines": words["left_out"], "rows": [keys]}
        digest = hashlib.sha256(self._file.content.encode("utf-8")).hexdigest()
        rows = [
            fact(words["file"], self._file.name, code=True),
            fact(words["command"], f"ledger verify {self._file.name}", code=True),
            fact(words["sha256"], digest, code=True),
            keys,
        ]
        return {"title": words["title"], "lines": words["lines"], "rows": rows}
