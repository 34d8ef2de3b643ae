"""What people send as observations, and what each kind asks of its data: what stands open, and what is sealed.

Words that people write, and places, may name people: they become disclosures, wherever in the request they came.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import Field

from ..domain.observations import KINDS, ROLES
from ..domain.vocabulary import Role
from ..errors import Forbidden, InvalidInput
from .inputs import Hex, PrepareInput, Word, printable
from .opening_fields import require_free_names

MOST_AT_ONCE = 100
_MOST_TEXT = 2_000
_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?")
_COUNTRY = re.compile(r"[A-Z]{2}")
_FIELD = re.compile(r"\w{1,40}", re.ASCII)


class ObservationInput(PrepareInput):
    """An observation. `role` picks one where the caller has several in the case. With `record`, `disclosures` and
    `signature` it is one that was prepared, signed by its actor's own key, and nothing else is sent."""

    kind: Word = ""
    role: Word | None = Field(default=None, description="Left out: the one that states this kind first of all.")
    record: Annotated[str, Field(max_length=65_536, description="As `prepare` answered it.")] | None = None
    disclosures: list[Annotated[str, Field(max_length=16_384)]] = Field(default_factory=list, max_length=20)
    signature: Hex | None = None


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None


def _is_decimal(value: Any) -> bool:
    return isinstance(value, str) and _DECIMAL.fullmatch(value) is not None


def _is_country(value: Any) -> bool:
    return isinstance(value, str) and _COUNTRY.fullmatch(value) is not None


def _is_name(value: Any) -> bool:
    return _is_text(value, 120)


def _is_role(value: Any) -> bool:
    return isinstance(value, str) and value in {role.wire for role in Role if role not in (Role.NONE, Role.PANEL)}


def _is_text(value: Any, most: int = _MOST_TEXT) -> bool:
    if not isinstance(value, str) or not value.strip() or len(value) > most:
        return False
    try:
        return printable(value) == value
    except ValueError:
        return False


_Is = Callable[[Any], bool]
# By kind: what may stand open, what has to, what is sealed, and what of that has to be there.
_OPEN: dict[str, dict[str, _Is]] = {
    "scanned": {
        "status": _is_word,
        "status_detail": _is_word,
        "country": _is_country,
        "carrier": _is_name,
        "source": _is_word,
    },
    "reading": {"quantity": _is_word, "value": _is_decimal, "unit": _is_name, "sensor": _is_name},
    "message": {"channel": _is_word, "to": _is_role},
    "noted": {"topic": _is_word},
}
_NEEDED = {"scanned": ("status",), "reading": ("quantity", "value", "unit"), "message": (), "noted": ()}
_SEALED = {
    "scanned": ("message", "location", "event", "note"),
    "reading": ("location", "note"),
    "message": ("text", "subject", "note"),
    "noted": ("note", "location"),
}
_SAID = {"scanned": (), "reading": (), "message": ("text",), "noted": ("note",)}


def kind_of(word: str) -> str:
    """Raises InvalidInput for a word that is no kind of observation."""
    if word not in KINDS:
        raise InvalidInput(
            f"{word!r} is no kind of observation.", field="kind", remedy=f"Send one of {', '.join(KINDS)}."
        )
    return word


def role_of(roles: Sequence[Role], kind: str, named: str | None) -> Role:
    """The one of an actor's roles in which it states this kind; `named` picks it. Raises Forbidden if none does."""
    allowed = [role for role in ROLES[kind] if role in roles and named in (None, role.wire)]
    if not allowed:
        raise Forbidden(
            f"You do not state {kind!r} as {named}." if named else f"Your role in this case does not state {kind!r}.",
            field="role" if named else "kind",
            remedy="It is stated by " + ", ".join(role.wire for role in ROLES[kind]) + ".",
        )
    return allowed[0]


def read_observed(kind: str, data: dict[str, Any], personal: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """What stands open, and what is sealed. Raises InvalidInput, naming the field, for what the kind cannot have."""
    require_free_names(personal)
    sealed = dict(personal)
    for name in _SEALED[kind]:
        if name not in data:
            continue
        if name in personal:
            raise InvalidInput(f"The {name} stands here twice.", field=f"data.{name}", remedy="Send it once.")
        if not _is_text(data[name]):
            raise InvalidInput(
                f"This is no text of 1 to {_MOST_TEXT} characters.", field=f"data.{name}", remedy="Send such a text."
            )
        sealed[name] = data[name]
    stands = {name: value for name, value in data.items() if name not in _SEALED[kind]}
    _check_open(kind, stands)
    missing = next((name for name in _SAID[kind] if not sealed.get(name, "").strip()), None)
    if missing is not None:
        raise InvalidInput(f"{kind!r} says something.", field=f"data.{missing}", remedy=f"Send its {missing}.")
    return stands, sealed


def _check_open(kind: str, data: dict[str, Any]) -> None:
    known = _OPEN[kind]
    for name, value in data.items():
        if name not in known:
            raise InvalidInput(
                f"{kind!r} has no such field: it would stand in the open record for ever.",
                field=f"data.{name}" if _FIELD.fullmatch(name) else "data",
                remedy=f"Send {', '.join((*known, *_SEALED[kind]))} alone, or the field under `personal`.",
            )
        if not known[name](value):
            raise InvalidInput(_WRONG[known[name]], field=f"data.{name}", remedy="Send such a value.")
    missing = next((name for name in _NEEDED[kind] if name not in data), None)
    if missing is not None:
        raise InvalidInput(f"{kind!r} names its {missing}.", field=f"data.{missing}", remedy="Send it.")


_WRONG: dict[_Is, str] = {
    _is_word: "This is no word of lower-case letters, digits and underscores, such as in_transit.",
    _is_decimal: "This is no decimal number as text, such as 21.5.",
    _is_country: "This is no country by ISO 3166-1, such as DE.",
    _is_name: "This is no text of 1 to 120 characters.",
    _is_role: "This is no role in a case, such as consumer.",
}
