"""Write the machine's diagram and tables in docs/contracts.md anew, from ledger_service/domain/transitions.py.

scripts/document_machine.py            rewrites what stands between the two markers
scripts/document_machine.py --check    changes nothing; exit code 1 if the committed page differs
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from ledger_service.domain.transitions import (
    ENDED,
    GIVES_UP,
    LAPSES,
    LIVE,
    OUTCOME,
    TRANSITIONS,
    Guard,
    Lapse,
    Transition,
)
from ledger_service.domain.vocabulary import Kind, Role, State, Word

PAGE = Path(__file__).resolve().parent.parent / "docs" / "contracts.md"
BEGIN = "<!-- machine: written by scripts/document_machine.py from ledger_service/domain/transitions.py -->"
END = "<!-- machine: end -->"

LETTERS = {Role.CONSUMER: "C", Role.MERCHANT: "M", Role.CARRIER: "F", Role.WAREHOUSE: "W", Role.INSPECTOR: "I"}
ANYWHERE = (Kind.SPLIT, Kind.OBJECTED, Kind.KEY_BOUND)  # from every live state: a row of their own


def camel(word: Word) -> str:
    """The member's name as the contracts spell it."""
    return "".join(part.capitalize() for part in word.name.split("_"))


def listed(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))


def render_diagram() -> str:
    """A mermaid state diagram: an arrow for each pair of states, by whom and what it is taken. Labels in it hold
    neither colons nor semicolons, which end them.
    """
    arrows: dict[tuple[State, State], dict[str, list[str]]] = {}

    def add(origin: State, to: State, who: str, what: str) -> None:
        arrows.setdefault((origin, to), {}).setdefault(what, []).append(who)

    for move in TRANSITIONS:
        if move.to is not None and move.kind not in ANYWHERE:
            add(move.origin, move.to, move.role.wire, move.kind.wire)
    add(State.DISPUTED, State.RULED, "panel", Kind.RULED.wire)
    add(State.DISPUTED, OUTCOME, "panel", f"{Kind.RULED.wire}, if nobody can appeal")
    for lapse in LAPSES:
        add(lapse.origin, lapse.to, "deadline", f"if {lapse.condition.value}" if lapse.condition else "")
    add(OUTCOME, State.SETTLED, "at once", "in mode refund, share 0, or after a challenge")

    lines = ["stateDiagram-v2", "    [*] --> Requested: merchant opens"]
    for (origin, to), labels in arrows.items():
        text = " / ".join(f"{listed(who)} {what}".strip() for what, who in labels.items())
        lines.append(f"    {camel(origin)} --> {camel(to)}: {text}")
    lines += [f"    {camel(state)} --> [*]" for state in ENDED]
    return "\n".join(["```mermaid", *lines, "```"])


def number_guards() -> dict[Guard, int]:
    """Guards by the number of their note, in the order in which the table meets them."""
    met = dict.fromkeys(move.guard for move in TRANSITIONS if move.guard)
    return {guard: number for number, guard in enumerate(met, start=1)}


def render_acts(moves: Iterable[Transition]) -> str:
    """Acts with the same kind, result and guard are one entry: `Kind: roles -> State`."""
    notes = number_guards()
    entries: dict[tuple[Kind, State | None, Guard | None], list[Role]] = {}
    for move in moves:
        entries.setdefault((move.kind, move.to, move.guard), []).append(move.role)
    texts = []
    for (kind, to, guard), roles in entries.items():
        note = f" ({notes[guard]})" if guard else ""
        arrow = f" → {camel(to)}" if to is not None else ", stays"
        texts.append(f"{camel(kind)}: {listed(role.wire for role in roles)}{arrow}{note}")
    return "; ".join(texts)


def render_lapses(lapses: list[Lapse]) -> str:
    texts = []
    for lapse in lapses:
        if_ = f"if {lapse.condition.value}: " if lapse.condition else ("else: " if len(lapses) > 1 else "")
        result = f", {lapse.result.value}" if lapse.result else ""
        texts.append(f"{if_}{camel(lapse.kind)} → {camel(lapse.to)}{result}")
    return "; ".join(texts)


def render_states() -> str:
    """One row a state: who may do what, and what a passed deadline does."""
    lines = ["| state | act: by whom → state | after the deadline, `poke`: record → state |", "| --- | --- | --- |"]
    for state in (*LIVE, *ENDED):
        acts = [move for move in TRANSITIONS if move.origin is state and move.kind not in ANYWHERE]
        lapses = [lapse for lapse in LAPSES if lapse.origin is state]
        lines.append(f"| {camel(state)} | {render_acts(acts)} | {render_lapses(lapses)} |")
    anywhere = [move for move in TRANSITIONS if move.origin is State.REQUESTED and move.kind in ANYWHERE]
    lines.append(f"| any live state | {render_acts(anywhere)} | |")
    return "\n".join(lines)


def render_notes() -> str:
    errors = ((guard, f" (`{guard.error}`)" if guard.error else "") for guard in number_guards())
    return "\n".join(f"{number}. {guard.words}{error}" for number, (guard, error) in enumerate(errors, start=1))


def render_matrix() -> str:
    """Who may state what where, by letters; an empty cell is `NotAllowed` for everybody."""
    states = (*LIVE, *ENDED)
    cells: dict[tuple[Kind, State], str] = {}
    for move in TRANSITIONS:
        mark = "\\*" if move.guard else ""
        cells[move.kind, move.origin] = cells.get((move.kind, move.origin), "") + LETTERS[move.role] + mark
    lines = ["| | " + " | ".join(map(camel, states)) + " |", "| --- |" + " --- |" * len(states)]
    for kind in dict.fromkeys(move.kind for move in TRANSITIONS):
        row = " | ".join(cells.get((kind, state), "") for state in states)
        lines.append(f"| {camel(kind)}{' †' if kind in GIVES_UP else ''} | {row} |")
    return "\n".join(lines)


def render() -> str:
    """All that stands between the markers."""
    return f"""
{render_diagram()}

An outcome enters Payable. What may happen in any live state is not drawn: a split, a key binding, an objection.

{render_states()}

{render_notes()}

The same as a matrix: C consumer, M merchant, F carrier, W warehouse, I inspector; \\* under the conditions above; an
empty cell is refused with `NotAllowed`, whoever signs. † waits out the notice while the service holds the consumer's
key, where it gives something up.

{render_matrix()}
"""


def rewrite(page: str) -> str:
    """The page with a fresh middle; ValueError where the markers are missing."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} has to hold the lines {BEGIN} and {END}")
    return before + begin + "\n" + render() + "\n" + end + after


def main() -> int:
    parser = argparse.ArgumentParser(description="Write the machine's diagram and tables anew.")
    parser.add_argument("--check", action="store_true", help="only compare with the committed page")
    check: bool = parser.parse_args().check

    page = PAGE.read_text(encoding="utf-8")
    fresh = rewrite(page)
    if not check:
        PAGE.write_text(fresh, encoding="utf-8")
    elif fresh != page:
        print("docs/contracts.md is not what the table says: run .venv/bin/python scripts/document_machine.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
