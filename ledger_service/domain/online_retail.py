"""Credit notes of the Online Retail file: which of its lines are goods that came back.

Every line of the file ends in one of two places: in a `CreditNote`, or in the report with its number and a reason.

- Lines of one invoice number are one note, wherever they stand. Identical lines stay separate lines.
- A line that is no return (discount, postage, fee, manual entry …) is reported; the note's other lines become the case.
- A line that is broken is reported, and so is the rest of its note: half a note would be a refund of the wrong amount,
  and could not be completed later, since a note is imported once.
- A note whose lines contradict each other about date, customer or country is reported whole.

The file names no order: a note's number without its C is not the number of the sale.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from ..errors import InvalidInput
from .countries import country_code, policy_code
from .money import MAX_MINOR, to_minor

HEADER = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"]
CURRENCY = "GBP"
MAX_LINES = 500  # of one note, as of one case
MAX_QUANTITY = 1_000_000

_NUMBER = re.compile(r"C[0-9]{1,12}")
_CUSTOMER = re.compile(r"[0-9]{1,12}")
_QUANTITY = re.compile(r"([+-]?)([0-9]{1,7})")
_DATE = re.compile(r"[0-9]{2}/[0-9]{2}/[0-9]{4} [0-9]{2}:[0-9]{2}")


class Reason(StrEnum):
    """Why a line is in no case."""

    # no goods came back
    DISCOUNT = "discount"
    MANUAL = "manual entry"
    POSTAGE = "postage"
    SAMPLE = "samples"
    MARKETPLACE_FEE = "marketplace fee"
    BANK_CHARGES = "bank charges"
    COMMISSION = "commission"
    BAD_DEBT = "bad debt"
    NOT_A_CREDIT_NOTE = "not a credit note"
    ZERO_PRICE = "nothing was paid"
    # broken
    EMPTY_LINE = "empty line"
    BAD_ENCODING = "not UTF-8"
    BAD_LINE = "not a line of eight fields"
    BAD_NUMBER = "bad invoice number"
    BAD_STOCK_CODE = "bad stock code"
    BAD_DESCRIPTION = "bad description"
    BAD_QUANTITY = "bad quantity"
    POSITIVE_QUANTITY = "positive quantity"
    BAD_DATE = "bad date"
    BAD_PRICE = "bad price"
    BAD_CUSTOMER = "bad customer id"
    BAD_COUNTRY = "bad country"
    # sound in itself, but its note is not
    HELD_BACK = "another line of the note is broken"
    CONTRADICTION = "the note contradicts itself"
    NOTE_TOO_LARGE = "the note is too large"


_BREAKS_THE_NOTE = frozenset(
    {
        Reason.BAD_ENCODING,
        Reason.BAD_LINE,
        Reason.BAD_STOCK_CODE,
        Reason.BAD_DESCRIPTION,
        Reason.BAD_QUANTITY,
        Reason.POSITIVE_QUANTITY,
        Reason.BAD_DATE,
        Reason.BAD_PRICE,
        Reason.BAD_CUSTOMER,
        Reason.BAD_COUNTRY,
    }
)
_NO_GOODS = {  # by stock code
    "AMAZONFEE": Reason.MARKETPLACE_FEE,
    "B": Reason.BAD_DEBT,
    "BANK CHARGES": Reason.BANK_CHARGES,
    "C2": Reason.POSTAGE,  # carriage
    "CRUK": Reason.COMMISSION,
    "D": Reason.DISCOUNT,
    "DOT": Reason.POSTAGE,
    "M": Reason.MANUAL,
    "POST": Reason.POSTAGE,
    "S": Reason.SAMPLE,
}


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """Goods that came back. `line` counts from 1, the header; `unit_price` and `total` are pence."""

    line: int
    sku: str
    description: str
    quantity: int
    unit_price: int
    total: int


@dataclass(frozen=True, slots=True)
class CreditNote:
    """One case. `total` is pence; `country` is ISO 3166-1 alpha-2; `customer` is None where the file names none."""

    number: str
    issued_at: datetime
    customer: str | None
    country: str
    policy: str
    lines: tuple[ReturnLine, ...]
    total: int


@dataclass(frozen=True, slots=True)
class LeftLine:
    """A line that is in no case. `note` is its invoice number as far as that can be read."""

    line: int
    note: str
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class CreditNotes:
    """What a file holds: `lines` are all of its lines after the header, each in one of `notes` or in `left`."""

    notes: tuple[CreditNote, ...]
    left: tuple[LeftLine, ...]
    lines: int


def read_credit_notes(data: bytes) -> CreditNotes:
    """The notes of a file's bytes, in the file's order. Raises InvalidInput for a file that is no such table."""
    drafts: dict[str, _Draft] = {}
    left: list[LeftLine] = []
    rows = _rows(data)
    for line, raw in enumerate(rows, start=2):
        number = _first_field(raw)
        try:
            fields = _split(raw)
            number = _number(fields[0])
            draft = drafts.setdefault(number, _Draft())
            draft.headers.add((fields[4].strip(), fields[6].strip(), fields[7].strip()))
            draft.goods.append(_goods(line, fields))
        except _Left as why:
            left.append(LeftLine(line, number, why.reason, why.detail))
            if why.reason in _BREAKS_THE_NOTE:
                drafts.setdefault(number, _Draft()).broken.append(line)
    notes = []
    for number, draft in drafts.items():
        try:
            notes += [_note(number, draft)] if draft.goods else []
        except _Left as why:
            left += [LeftLine(goods.line, number, why.reason, why.detail) for goods in draft.goods]
    return CreditNotes(tuple(notes), tuple(sorted(left, key=lambda entry: entry.line)), len(rows))


class _Left(Exception):
    """A line, or what is left of a note, stays out. Never leaves this module."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(slots=True)
class _Draft:
    """What was read of one note: its lines of goods, all that its lines say of date, customer and country, and the
    numbers of its broken lines."""

    goods: list[ReturnLine] = field(default_factory=list)
    headers: set[tuple[str, str, str]] = field(default_factory=set)
    broken: list[int] = field(default_factory=list)


def _rows(data: bytes) -> list[bytes]:
    """The lines after the header. Raises InvalidInput for another header."""
    first, *rows = [row.removesuffix(b"\r") for row in data.removeprefix(b"\xef\xbb\xbf").split(b"\n")]
    try:
        header = [name.strip() for name in _split(first)]
    except _Left:
        header = []
    if header != HEADER:
        raise InvalidInput(
            "The first line of the file is not the header of the Online Retail table.",
            field="file",
            remedy="Send CSV in UTF-8 that begins with " + ",".join(HEADER) + ".",
        )
    return rows[:-1] if rows and not rows[-1] else rows  # what stands after the last line's end is no line


def _first_field(raw: bytes) -> str:
    """What stands for the invoice number in a line that may be unreadable otherwise."""
    return raw.split(b",", 1)[0][:20].decode("ascii", "replace").strip(' "')


def _split(raw: bytes) -> list[str]:
    """The eight fields of a line. Each line is read for itself, so that an open quote cannot swallow the next ones."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _Left(Reason.BAD_ENCODING, f"Byte {error.start + 1} of the line is not UTF-8.") from None
    if not text.strip():
        raise _Left(Reason.EMPTY_LINE, "The line is empty.")
    try:
        fields = next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise _Left(Reason.BAD_LINE, f"The line is no CSV: {error}.") from None
    if len(fields) != len(HEADER):
        raise _Left(Reason.BAD_LINE, f"The line has {len(fields)} fields, not {len(HEADER)}.")
    return fields


def _number(text: str) -> str:
    number = text.strip()
    if not number or (number[0] in "Cc" and not _NUMBER.fullmatch(number)):
        raise _Left(Reason.BAD_NUMBER, f"{text!r} is no invoice number; a credit note's is C and digits.")
    if number[0] != "C":
        raise _Left(Reason.NOT_A_CREDIT_NOTE, f"Invoice {number!r} does not begin with C.")
    return number


def _goods(line: int, fields: list[str]) -> ReturnLine:
    """The goods of a line, all of whose fields are checked."""
    _, code, described, count, issued, price, customer, country = (text.strip() for text in fields)
    if reason := _NO_GOODS.get(code.upper()):
        raise _Left(reason, f"Stock code {code} stands for no goods ({described}).")
    sku = _text(code, 120, Reason.BAD_STOCK_CODE)
    description = _text(described, 2_000, Reason.BAD_DESCRIPTION)
    quantity = _quantity(count)
    unit_price = _price(price)
    _moment(issued)
    _customer(customer)
    _country(country)
    return ReturnLine(line, sku, description, quantity, unit_price, quantity * unit_price)


def _note(number: str, draft: _Draft) -> CreditNote:
    if draft.broken:
        lines = ", ".join(str(line) for line in draft.broken)
        raise _Left(Reason.HELD_BACK, f"Line {lines} of {number} is broken; correct it and import the file again.")
    if len(draft.headers) > 1:
        raise _Left(Reason.CONTRADICTION, f"The lines of {number} differ in date, customer or country.")
    total = sum(goods.total for goods in draft.goods)
    if len(draft.goods) > MAX_LINES or total > MAX_MINOR:
        raise _Left(Reason.NOTE_TOO_LARGE, f"{number} has more than {MAX_LINES} lines, or too great a total.")
    issued, customer, name = next(iter(draft.headers))
    country = _country(name)
    return CreditNote(
        number, _moment(issued), _customer(customer), country, policy_code(country), tuple(draft.goods), total
    )


def _text(text: str, most: int, reason: Reason) -> str:
    if not text:
        raise _Left(reason, "The field is empty.")
    if len(text) > most:
        raise _Left(reason, f"The field has {len(text)} characters, more than {most}.")
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise _Left(reason, "The field holds control characters.")
    return text


def _quantity(text: str) -> int:
    """How many came back: the file counts them as negative."""
    match = _QUANTITY.fullmatch(text)
    if not match or int(match[2]) == 0 or int(match[2]) > MAX_QUANTITY:
        raise _Left(Reason.BAD_QUANTITY, f"{text!r} is no whole number of goods that came back.")
    if match[1] != "-":
        raise _Left(Reason.POSITIVE_QUANTITY, f"{text} is positive; goods that came back count as negative.")
    return int(match[2])


def _price(text: str) -> int:
    try:
        pence = to_minor(text, CURRENCY, field="UnitPrice")
    except InvalidInput as error:
        raise _Left(Reason.BAD_PRICE, error.detail) from None
    if pence == 0:
        raise _Left(Reason.ZERO_PRICE, "Nothing was paid for these goods, so there is nothing to refund.")
    return pence


def _customer(text: str) -> str | None:
    if text and not _CUSTOMER.fullmatch(text):
        raise _Left(Reason.BAD_CUSTOMER, f"{text!r} is no customer id; it is a number, or empty.")
    return text or None


def _country(text: str) -> str:
    try:
        return country_code(text, field="Country")
    except InvalidInput as error:
        raise _Left(Reason.BAD_COUNTRY, f"{error.detail} {error.remedy}") from None


def _moment(text: str) -> datetime:
    """UTC of `dd/mm/yyyy hh:mm`, the shop's own clock. The repeated hour in October counts as summer time."""
    try:
        shown = datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=UTC) if _DATE.fullmatch(text) else None
    except ValueError:
        shown = None
    if shown is None or shown.year < 1996:
        raise _Left(Reason.BAD_DATE, f"{text!r} is no date such as 31/12/2010 09:41.")
    # The United Kingdom changes its clocks at 01:00 UTC, since 1996; a rule needs no time zone files.
    begins, ends = (_last_sunday(shown.year, month) + timedelta(hours=1) for month in (3, 10))
    if begins <= shown < begins + timedelta(hours=1):
        raise _Left(Reason.BAD_DATE, f"{text} does not exist: the clocks went forward over it.")
    summer = begins < shown < ends + timedelta(hours=1)
    return shown - timedelta(hours=1 if summer else 0)


def _last_sunday(year: int, month: int) -> datetime:
    last = datetime(year, month, 31, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)
