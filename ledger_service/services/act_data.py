"""What each kind asks of its data: what the act signs of it, what stands open in the record, and what is sealed.

What people write may name people, so it never stands in the open record: `reason`, `text`, `note` and the names of
files become disclosures, wherever in the request they came.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ..domain.case_state import CaseState
from ..domain.hashing import ZERO_ADDRESS
from ..domain.vocabulary import FULL_SHARE, Flag, Grade, Kind, Mark, Role, State
from ..errors import InvalidInput
from .inputs import checked_address, printable
from .opening_fields import require_free_names

WORDS = ("reason", "text", "note")  # free text, sealed whatever the kind
# What the acts of a dispute may say in the open; the others take what a shop or a carrier adds.
_OPEN = {
    Kind.DISPUTED: ("share",),
    Kind.CHALLENGED: ("share",),
    Kind.APPEALED: ("share",),
    Kind.OBJECTED: (),
    Kind.SPLIT: ("share",),
    Kind.EVIDENCE: ("attachments",),
}
_MOST_TEXT = 2_000
_MOST_ATTACHMENTS = 20
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,60}")
_NAME = re.compile(r"attachments\.\d{1,2}\.name")
_FIELD = re.compile(r"\w{1,40}", re.ASCII)
_QUOTED = 40  # characters of a wrong value that an error repeats


@dataclass(frozen=True, slots=True)
class Stated:
    """`data` stands open in the record, `personal` is sealed; the rest is what the act signs, else zero."""

    data: dict[str, Any]
    personal: dict[str, str]
    grade: Grade = Grade.NONE
    share: int = 0
    fee: int = 0
    key: str = ZERO_ADDRESS


def read_stated(kind: Kind, role: Role, case: CaseState, data: dict[str, Any], personal: dict[str, str]) -> Stated:
    """Raises InvalidInput, naming the field, for data that the kind cannot have."""
    require_free_names(personal)
    open_data, sealed = _seal_words(data, dict(personal))
    _check_known(kind, open_data)
    if kind is Kind.PICKED_UP and role is Role.CONSUMER:
        _require_receipt(sealed)
    if kind is Kind.REFUNDED:
        _require_reference(open_data)
    if kind is Kind.EVIDENCE:
        _check_evidence(open_data, sealed)
        return Stated(*_seal_names(open_data, sealed))
    if kind is Kind.KEY_BOUND:
        key = _key(open_data)
        return Stated({**open_data, "key": key}, sealed, key=key)
    if kind is Kind.INSPECTED:
        return _inspection(open_data, sealed)
    if kind in (Kind.DISPUTED, Kind.CHALLENGED, Kind.APPEALED, Kind.SPLIT):
        share = _basis_points(open_data, "share", _default_share(kind, role, case))
        return Stated({**open_data, "share": share}, sealed, share=share)
    return Stated(open_data, sealed)


def _default_share(kind: Kind, role: Role, case: CaseState) -> int | None:
    """What is claimed where nobody says: all that can be, or by the merchant no more than it proposed; of claims that
    stand, the same again. A split names its share."""
    if kind is Kind.SPLIT:
        return None
    if kind is Kind.CHALLENGED:
        return case.owed
    if case.state in (State.DISPUTED, State.RULED):
        return case.consumer_claim if role is Role.CONSUMER else case.merchant_claim
    return FULL_SHARE if role is Role.CONSUMER else case.share


def share_limits(kind: Kind, role: Role, case: CaseState) -> dict[str, int] | None:
    """The shares that an act may name now, `least` to `most`, and where a form may `start`; None for other acts."""
    if kind is Kind.CHALLENGED:
        return {"least": 1, "most": case.owed, "start": case.owed}
    if kind is Kind.APPEALED and role is Role.CONSUMER:
        return {"least": case.share + 1, "most": FULL_SHARE, "start": case.consumer_claim}
    if kind is Kind.APPEALED:
        return {"least": 0, "most": case.share - 1, "start": case.merchant_claim}
    if kind is Kind.DISPUTED:
        start = _default_share(kind, role, case) or 0
        if role is Role.CONSUMER and case.has(Flag.CHALLENGED):
            return {"least": 1, "most": case.owed, "start": start}
        return {"least": 0, "most": FULL_SHARE, "start": start}
    if kind is Kind.SPLIT:
        offered = case.marked(Mark.OFFER_BY_CONSUMER) or case.marked(Mark.OFFER_BY_MERCHANT)
        return {"least": 0, "most": FULL_SHARE, "start": case.offer if offered else FULL_SHARE}
    return None


# --- words and fingerprints ------------------------------------------------------------------------------------------


def _seal_words(data: dict[str, Any], personal: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    sealed = dict(personal)
    for field in WORDS:
        if field not in data:
            continue
        words = data[field]
        if not isinstance(words, str) or len(words) > _MOST_TEXT or not _is_printable(words):
            raise InvalidInput(
                f"This is no text of at most {_MOST_TEXT} characters.",
                field=f"data.{field}",
                remedy="Send such a text.",
            )
        if field in personal:
            raise InvalidInput(f"The {field} stands here twice.", field=f"data.{field}", remedy="Send it once.")
        if words.strip():
            sealed[field] = words
    return {name: value for name, value in data.items() if name not in WORDS}, sealed


def _check_known(kind: Kind, data: dict[str, Any]) -> None:
    known = _OPEN.get(kind)
    unknown = None if known is None else next((name for name in data if name not in known), None)
    if known is not None and unknown is not None:
        raise InvalidInput(
            f"{kind.wire!r} has no such field: it would stand in the open record for ever.",
            field=f"data.{unknown}" if _FIELD.fullmatch(unknown) else "data",
            remedy=f"Send {', '.join((*known, *WORDS))} alone, or the field under `personal`, where it is sealed.",
        )


def _seal_names(data: dict[str, Any], personal: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    if "attachments" not in data:
        return data, personal
    named = {_name_of(index): each["name"] for index, each in enumerate(data["attachments"])}
    for field in named:
        if field in personal:
            raise InvalidInput(
                "The name of this file stands here twice.", field=f"personal.{field}", remedy="Send it once."
            )
    files = [{name: value for name, value in each.items() if name != "name"} for each in data["attachments"]]
    return {**data, "attachments": files}, {**personal, **named}


def _name_of(index: int) -> str:
    """What the disclosure of a file's name is called."""
    return f"attachments.{index}.name"


def is_name_of_file(disclosed: str) -> bool:
    return _NAME.fullmatch(disclosed) is not None


def attachments_of(data: dict[str, Any], said: dict[str, Any]) -> list[dict[str, Any]]:
    """The files that a record names, with their names out of what its words disclose; None for one not disclosed."""
    return [{**each, "name": said.get(_name_of(index))} for index, each in enumerate(data.get("attachments", []))]


def _is_printable(text: str) -> bool:
    try:
        return printable(text) == text
    except ValueError:
        return False


def _check_evidence(data: dict[str, Any], personal: dict[str, str]) -> None:
    attachments = data.get("attachments", [])
    if not isinstance(attachments, list) or len(attachments) > _MOST_ATTACHMENTS:
        raise InvalidInput(
            f"Attachments are a list of at most {_MOST_ATTACHMENTS}.",
            field="data.attachments",
            remedy="Send such a list.",
        )
    for index, each in enumerate(attachments):
        if not _is_attachment(each):
            raise InvalidInput(
                "An attachment has a name, a media type, and the file's SHA-256 in 64 hex digits.",
                field=f"data.attachments.{index}",
                remedy='Send {"name": "photo.jpg", "media_type": "image/jpeg", "sha256": "…"}; keep the file itself.',
            )
    if not attachments and not personal.get("text", "").strip():
        raise InvalidInput(
            "Evidence says something, or names a file.", field="data.text", remedy="Send a text or attachments."
        )


def _is_attachment(value: object) -> bool:
    if not isinstance(value, dict) or set(value) != {"name", "media_type", "sha256"}:
        return False
    if not all(isinstance(part, str) for part in value.values()) or not 0 < len(value["name"].strip()) <= 120:
        return False
    well_formed = value["name"].isprintable() and _SHA256.fullmatch(value["sha256"])
    return bool(well_formed and _MEDIA_TYPE.fullmatch(value["media_type"]))


def _key(data: dict[str, Any]) -> str:
    key = data.get("key")
    try:
        return checked_address(key) if isinstance(key, str) else checked_address("")
    except ValueError as error:
        raise InvalidInput(
            f"This is no address: {error}.", field="data.key", remedy="Send the address of the consumer's own key."
        ) from error


def _require_receipt(personal: dict[str, str]) -> None:
    """A pick-up starts the clock for the merchant's side, so a consumer's word alone is not enough."""
    if not personal.get("receipt", "").strip():
        raise InvalidInput(
            "A consumer states a pick-up with the carrier's receipt.",
            field="personal.receipt",
            remedy='Send the number on the receipt, such as {"receipt": "JD0002"}.',
        )


def _require_reference(data: dict[str, Any]) -> None:
    reference = data.get("reference")
    if not isinstance(reference, str) or not 0 < len(reference) <= 200:
        raise InvalidInput(
            "A refund names the payment provider's reference.",
            field="data.reference",
            remedy='Send it, such as {"reference": "re_1Pgc72B7WZ01zgkWqPvrRrPE"}.',
        )


# --- shares ----------------------------------------------------------------------------------------------------------


def _inspection(data: dict[str, Any], personal: dict[str, str]) -> Stated:
    word = data.get("grade")
    grade = Grade.__members__.get(word.upper()) if isinstance(word, str) and word == word.lower() else None
    share = _basis_points(data, "share", FULL_SHARE)
    fee = _basis_points(data, "fee", 0)
    return Stated({**data, "share": share, "fee": fee}, personal, grade or Grade.NONE, share, fee)


def _basis_points(data: dict[str, Any], name: str, default: int | None) -> int:
    value = data.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= FULL_SHARE:
        raise InvalidInput(
            f"{_quoted(value)} is no share in basis points.",
            field=f"data.{name}",
            remedy="Send a whole number from 0 to 10000; 10000 is all of the refund.",
        )
    return value


def _quoted(value: object) -> str:
    """A short scalar as it was sent; for anything else a word, since it may be long or personal."""
    said = repr(value) if value is None or isinstance(value, (str, int, float)) else ""
    return said if 0 < len(said) <= _QUOTED else "This value"
