"""Credit notes: made-up files for each rule, then the real one, counted a second time without our reader."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.online_retail import HEADER, MAX_LINES, Reason, read_credit_notes
from ledger_service.errors import InvalidInput

SAMPLE = Path(__file__).parents[3] / "ledger_service" / "sample_data" / "online_retail_credit_notes.csv"
FIRST = ",".join(HEADER)


def row(
    number="C1",
    code="22556",
    text="PLASTERS",
    count="-12",
    date="01/12/2010 10:24",
    price="1.65",
    customer="17548",
    country="United Kingdom",
):
    return f"{number},{code},{text},{count},{date},{price},{customer},{country}"


def read(*rows: str | bytes, end: bytes = b"\r\n"):
    lines = [line.encode() if isinstance(line, str) else line for line in (FIRST, *rows)]
    return read_credit_notes(end.join(lines) + end)


def reasons(found):
    return {left.line: left.reason for left in found.left}


# --- the file as a whole ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"hello",
        row().encode(),
        FIRST.lower().encode(),
        FIRST.replace(",", ";").encode(),
        FIRST.replace(",Country", "").encode(),
        (FIRST + ",More").encode(),
        FIRST.encode("utf-16"),
        b'"' + FIRST.encode(),
        b"\xff\xfe",
        b"PK\x03\x04",
    ],
)
def test_read_of_another_file_is_refused(data):
    with pytest.raises(InvalidInput) as raised:
        read_credit_notes(data)
    assert raised.value.field == "file"
    assert "InvoiceNo,StockCode" in raised.value.remedy


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("last", [b"", b"end"])
def test_read_takes_either_line_end_and_a_byte_order_mark(end, mark, last):
    data = mark + end.join([FIRST.encode(), row().encode()]) + (end if last else b"")
    found = read_credit_notes(data)
    assert (len(found.notes), found.left, found.lines) == (1, (), 1)


@pytest.mark.parametrize("data", [FIRST.encode(), FIRST.encode() + b"\r\n"])
def test_read_of_a_file_without_lines_finds_nothing(data):
    found = read_credit_notes(data)
    assert (found.notes, found.left, found.lines) == ((), (), 0)


# --- lines that are no return ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code": "D"}, Reason.DISCOUNT),
        ({"code": "M"}, Reason.MANUAL),
        ({"code": "m"}, Reason.MANUAL),
        ({"code": "POST"}, Reason.POSTAGE),
        ({"code": "DOT"}, Reason.POSTAGE),
        ({"code": "C2"}, Reason.POSTAGE),
        ({"code": "S"}, Reason.SAMPLE),
        ({"code": "AMAZONFEE"}, Reason.MARKETPLACE_FEE),
        ({"code": "BANK CHARGES"}, Reason.BANK_CHARGES),
        ({"code": " bank charges "}, Reason.BANK_CHARGES),
        ({"code": "CRUK"}, Reason.COMMISSION),
        ({"code": "B"}, Reason.BAD_DEBT),
        ({"price": "0"}, Reason.ZERO_PRICE),
        ({"price": "0.00"}, Reason.ZERO_PRICE),
        ({"code": "POST", "count": "nonsense", "price": "nonsense", "text": ""}, Reason.POSTAGE),
    ],
)
def test_line_that_is_no_return_is_reported_and_the_rest_becomes_the_case(changes, reason):
    found = read(row(), row(**changes), row(code="22557", count="-1"))
    assert reasons(found) == {3: reason}
    assert [line.line for line in found.notes[0].lines] == [2, 4]
    assert found.notes[0].total == 12 * 165 + 165
    assert found.left[0].note == "C1"


def test_note_without_any_goods_is_no_case():
    found = read(row(code="POST"), row(code="D"))
    assert found.notes == ()
    assert reasons(found) == {2: Reason.POSTAGE, 3: Reason.DISCOUNT}


@pytest.mark.parametrize("number", ["536365", "A563185", "X1", "-"])
def test_line_of_another_invoice_is_reported(number):
    assert reasons(read(row(number=number))) == {2: Reason.NOT_A_CREDIT_NOTE}


# --- broken lines ----------------------------------------------------------------------------------------------------

BROKEN = [
    ({"code": ""}, Reason.BAD_STOCK_CODE),
    ({"code": "x" * 121}, Reason.BAD_STOCK_CODE),
    ({"text": ""}, Reason.BAD_DESCRIPTION),
    ({"text": "   "}, Reason.BAD_DESCRIPTION),
    ({"text": "a\x00b"}, Reason.BAD_DESCRIPTION),
    ({"text": "x" * 2_001}, Reason.BAD_DESCRIPTION),
    ({"count": ""}, Reason.BAD_QUANTITY),
    ({"count": "0"}, Reason.BAD_QUANTITY),
    ({"count": "-0"}, Reason.BAD_QUANTITY),
    ({"count": "many"}, Reason.BAD_QUANTITY),
    ({"count": "-1.0"}, Reason.BAD_QUANTITY),
    ({"count": "-1e3"}, Reason.BAD_QUANTITY),
    ({"count": "--1"}, Reason.BAD_QUANTITY),
    ({"count": "- 1"}, Reason.BAD_QUANTITY),
    ({"count": "−1"}, Reason.BAD_QUANTITY),
    ({"count": "-١"}, Reason.BAD_QUANTITY),
    ({"count": "-1_0"}, Reason.BAD_QUANTITY),
    ({"count": "-1000001"}, Reason.BAD_QUANTITY),
    ({"count": "12"}, Reason.POSITIVE_QUANTITY),
    ({"count": "+1"}, Reason.POSITIVE_QUANTITY),
    ({"price": ""}, Reason.BAD_PRICE),
    ({"price": "-1.65"}, Reason.BAD_PRICE),
    ({"price": "1.655"}, Reason.BAD_PRICE),
    ({"price": '"1,65"'}, Reason.BAD_PRICE),
    ({"price": "£1.65"}, Reason.BAD_PRICE),
    ({"price": "1e2"}, Reason.BAD_PRICE),
    ({"price": "NaN"}, Reason.BAD_PRICE),
    ({"price": "99999999999999999"}, Reason.BAD_PRICE),
    ({"date": ""}, Reason.BAD_DATE),
    ({"date": "31/02/2010 10:00"}, Reason.BAD_DATE),
    ({"date": "12/31/2010 10:00"}, Reason.BAD_DATE),
    ({"date": "2010-12-01 10:24"}, Reason.BAD_DATE),
    ({"date": "1/12/2010 8:26"}, Reason.BAD_DATE),
    ({"date": "01/12/2010"}, Reason.BAD_DATE),
    ({"date": "01/12/2010 24:00"}, Reason.BAD_DATE),
    ({"date": "01/12/2010 10:60"}, Reason.BAD_DATE),
    ({"date": "01/12/10 10:24"}, Reason.BAD_DATE),
    ({"date": "01/12/1995 10:24"}, Reason.BAD_DATE),
    ({"date": "٠١/12/2010 10:24"}, Reason.BAD_DATE),
    ({"date": "28/03/2010 01:30"}, Reason.BAD_DATE),
    ({"customer": "guest"}, Reason.BAD_CUSTOMER),
    ({"customer": "17548.0"}, Reason.BAD_CUSTOMER),
    ({"customer": "-1"}, Reason.BAD_CUSTOMER),
    ({"country": ""}, Reason.BAD_COUNTRY),
    ({"country": "Narnia"}, Reason.BAD_COUNTRY),
    ({"country": "Unspecified"}, Reason.BAD_COUNTRY),
    ({"country": "European Community"}, Reason.BAD_COUNTRY),
    ({"country": "Channel Islands"}, Reason.BAD_COUNTRY),
]


@pytest.mark.parametrize(("changes", "reason"), BROKEN, ids=str)
def test_broken_line_is_reported_and_holds_its_note_back(changes, reason):
    found = read(row(number="C9"), row(), row(**changes), row(code="22557"))
    assert reasons(found) == {3: Reason.HELD_BACK, 4: reason, 5: Reason.HELD_BACK}
    assert {left.note for left in found.left} == {"C1"}
    assert "Line 4" in found.left[0].detail
    assert [note.number for note in found.notes] == ["C9"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"C1,22556,PLASTERS,-12,01/12/2010 10:24,1.65,17548", Reason.BAD_LINE),
        (b"C1,22556,PLASTERS,-12,01/12/2010 10:24,1.65,17548,France,more", Reason.BAD_LINE),
        (b"C1,22556,PLASTERS, IN TIN,-12,01/12/2010 10:24,1.65,17548,France", Reason.BAD_LINE),
        (b'C1,22556,"PLASTERS,-12,01/12/2010 10:24,1.65,17548,France', Reason.BAD_LINE),
        (b'C1,22556,"PLAST"ERS,-12,01/12/2010 10:24,1.65,17548,France', Reason.BAD_LINE),
        (b"C1", Reason.BAD_LINE),
        (b"C1,22556,CAF\xc9,-12,01/12/2010 10:24,1.65,17548,France", Reason.BAD_ENCODING),
        (b"C1,\x80", Reason.BAD_ENCODING),
        (b"C1,22556,A\rB,-12,01/12/2010 10:24,1.65,17548,France", Reason.BAD_LINE),
    ],
)
def test_line_that_cannot_be_read_holds_its_note_back_and_no_other(raw, reason):
    found = read(row(), raw, row(number="C2"), row(number="C3"))
    assert reasons(found) == {2: Reason.HELD_BACK, 3: reason}
    assert [note.number for note in found.notes] == ["C2", "C3"]


@pytest.mark.parametrize("number", ["", " ", "C", "c536379", "C53637X", "C-1", "C1.0", "C1234567890123", "C٣"])
def test_line_with_what_is_no_invoice_number_is_reported_alone(number):
    found = read(row(), row(number=number))
    assert reasons(found) == {3: Reason.BAD_NUMBER}
    assert len(found.notes) == 1


@pytest.mark.parametrize("raw", ["", "   ", "\t"])
def test_empty_line_is_reported_alone(raw):
    found = read(row(), raw, row())
    assert reasons(found) == {3: Reason.EMPTY_LINE}
    assert len(found.notes[0].lines) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"date": "01/12/2010 10:25"},
        {"date": "12/01/2010 10:24"},
        {"customer": "17549"},
        {"customer": ""},
        {"country": "France"},
    ],
    ids=str,
)
@pytest.mark.parametrize("code", ["22557", "POST"])
def test_note_that_contradicts_itself_is_reported_whole(changes, code):
    found = read(row(), row(code=code, **changes), row(number="C2"))
    second = Reason.POSTAGE if code == "POST" else Reason.CONTRADICTION
    assert reasons(found) == {2: Reason.CONTRADICTION, 3: second}
    assert [note.number for note in found.notes] == ["C2"]


def test_note_with_more_lines_than_a_case_has_is_reported_whole():
    found = read(*[row()] * (MAX_LINES + 1))
    assert found.notes == ()
    assert set(reasons(found).values()) == {Reason.NOTE_TOO_LARGE}
    assert len(read(*[row()] * MAX_LINES).notes) == 1


def test_note_with_too_great_a_total_is_reported():
    assert reasons(read(row(count="-1000000", price="90071992547.40"))) == {2: Reason.NOTE_TOO_LARGE}


# --- notes -----------------------------------------------------------------------------------------------------------


def test_note_becomes_a_case():
    note = read(row(), row(code="21984", text=" PACK OF 12  TISSUES ", count="-24", price="0.29")).notes[0]
    assert (note.number, note.customer, note.country, note.policy) == ("C1", "17548", "GB", "uk-14")
    assert note.issued_at == datetime(2010, 12, 1, 10, 24, tzinfo=UTC)
    assert note.total == 12 * 165 + 24 * 29 == 2676
    second = note.lines[1]
    assert (second.line, second.sku, second.description) == (3, "21984", "PACK OF 12  TISSUES")
    assert (second.quantity, second.unit_price, second.total) == (24, 29, 696)


def test_note_without_customer_has_none():
    assert read(row(customer="")).notes[0].customer is None


def test_identical_lines_stay_separate_lines():
    note = read(row(), row(), row()).notes[0]
    assert [line.line for line in note.lines] == [2, 3, 4]
    assert note.total == 3 * 12 * 165


def test_lines_of_a_note_are_joined_wherever_they_stand():
    found = read(row(), row(number="C2"), row(code="22557"))
    assert [(note.number, len(note.lines)) for note in found.notes] == [("C1", 2), ("C2", 1)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [('"A, B"', "A, B"), ('"12"" RULER"', '12" RULER'), ('12" RULER', '12" RULER'), ("CAFÉ £5", "CAFÉ £5")],
)
def test_description_is_read_as_csv_means_it(text, expected):
    assert read(row(text=text)).notes[0].lines[0].description == expected


@pytest.mark.parametrize(
    ("country", "code", "policy"),
    [
        ("United Kingdom", "GB", "uk-14"),
        ("EIRE", "IE", "eu-14"),
        ("Germany", "DE", "eu-14"),
        ("Norway", "NO", "eu-14"),
        ("Switzerland", "CH", "default"),
        ("Australia", "AU", "default"),
        ("USA", "US", "us-30"),
        ("Brazil", "BR", "br-7"),
        ("Japan", "JP", "jp-defect"),
        ("RSA", "ZA", "default"),
        ("Singapore", "SG", "default"),
    ],
)
def test_country_and_policy_come_from_the_row(country, code, policy):
    note = read(row(country=country)).notes[0]
    assert (note.country, note.policy) == (code, policy)


@pytest.mark.parametrize(
    ("price", "pence"),
    [("27.5", 2750), ("281", 28100), ("0.01", 1), ("13541.33", 1354133), ("0.29", 29), ("4.6500", 465)],
)
def test_price_is_exact(price, pence):
    assert read(row(count="-3", price=price)).notes[0].total == 3 * pence


# --- the shop's clock ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "utc"),
    [
        ("01/12/2010 10:24", datetime(2010, 12, 1, 10, 24, tzinfo=UTC)),
        ("01/07/2011 10:24", datetime(2011, 7, 1, 9, 24, tzinfo=UTC)),
        ("27/03/2011 00:59", datetime(2011, 3, 27, 0, 59, tzinfo=UTC)),
        ("27/03/2011 02:00", datetime(2011, 3, 27, 1, 0, tzinfo=UTC)),
        ("30/10/2011 00:59", datetime(2011, 10, 29, 23, 59, tzinfo=UTC)),
        ("30/10/2011 01:30", datetime(2011, 10, 30, 0, 30, tzinfo=UTC)),
        ("30/10/2011 02:00", datetime(2011, 10, 30, 2, 0, tzinfo=UTC)),
    ],
)
def test_date_is_day_first_on_the_clock_of_the_united_kingdom(shown, utc):
    assert read(row(date=shown)).notes[0].issued_at == utc


@given(st.integers(0, 60 * 366 * 24 * 60))
def test_date_is_that_of_the_time_zone_database(minutes):
    try:
        london = ZoneInfo("Europe/London")
    except ZoneInfoNotFoundError:
        pytest.skip("this machine has no time zone database")
    local = datetime(1996, 1, 1, tzinfo=UTC).replace(tzinfo=london) + timedelta(minutes=minutes)
    found = read(row(date=local.strftime("%d/%m/%Y %H:%M")))
    utc = local.astimezone(UTC)
    exists = utc.astimezone(london).replace(tzinfo=None) == local.replace(tzinfo=None)
    assert [note.issued_at for note in found.notes] == ([utc] if exists else [])


# --- any file --------------------------------------------------------------------------------------------------------


FIELDS = st.sampled_from(
    ["", "C1", "C2", "536365", "D", "22556", "-1", "1", "1.65", "01/12/2010 10:24", "France", '"', "x"]
)
ROWS = st.lists(FIELDS, max_size=9).map(lambda fields: ",".join(fields).encode()) | st.binary(max_size=30).map(
    lambda raw: raw.replace(b"\n", b"")
)


@given(
    st.lists(
        ROWS | st.builds(lambda **changes: row(**changes).encode(), number=FIELDS, count=FIELDS, price=FIELDS),
        max_size=12,
    )
)
def test_every_line_is_in_one_case_or_in_the_report(rows):
    found = read(*rows)
    taken = [line.line for note in found.notes for line in note.lines]
    assert sorted(taken + [left.line for left in found.left]) == list(range(2, len(rows) + 2))
    assert found.lines == len(rows)
    assert all(note.total == sum(line.quantity * line.unit_price for line in note.lines) > 0 for note in found.notes)
    assert len({note.number for note in found.notes}) == len(found.notes)


# --- the real file ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample():
    return read_credit_notes(SAMPLE.read_bytes())


@pytest.fixture(scope="module")
def counted():
    """The real file, taken apart by hand: the description alone may hold commas, and then stands in quotes."""
    rows = []
    for line in SAMPLE.read_bytes().decode("ascii").split("\r\n")[1:-1]:
        fields = line.split(",")
        rows.append([*fields[:2], ",".join(fields[2:-5]).strip('"'), *fields[-5:]])
    return rows


def test_sample_has_every_line_in_a_case_or_in_the_report(sample, counted):
    assert sample.lines == len(counted) == 514
    assert sum(len(note.lines) for note in sample.notes) == 490
    assert len(sample.left) == 24
    assert len({fields[0] for fields in counted}) == 220
    assert len(sample.notes) == 200


def test_sample_reports_what_is_no_return(sample):
    assert Counter(left.reason.value for left in sample.left) == {
        "manual entry": 7,
        "discount": 6,
        "marketplace fee": 6,
        "bank charges": 2,
        "samples": 2,
        "postage": 1,
    }


def test_sample_reports_the_lines_that_stand_there(sample, counted):
    codes = {"D", "M", "S", "POST", "AMAZONFEE", "BANK CHARGES"}
    expected = [(line, fields[0]) for line, fields in enumerate(counted, start=2) if fields[1] in codes]
    assert [(left.line, left.note) for left in sample.left] == expected


def test_sample_amounts_are_exact(sample, counted):
    taken = {line.line for note in sample.notes for line in note.lines}
    pence = 0
    for line, fields in enumerate(counted, start=2):
        if line in taken:
            whole, _, part = fields[5].partition(".")
            pence += -int(fields[3]) * (int(whole) * 100 + int(part.ljust(2, "0")))
    assert sum(note.total for note in sample.notes) == pence == 1_126_663


def test_sample_sells_to_nine_countries(sample):
    assert Counter(note.country for note in sample.notes) == {
        "GB": 184,
        "DE": 8,
        "PT": 2,
        "FR": 1,
        "IE": 1,
        "IT": 1,
        "AU": 1,
        "SE": 1,
        "AT": 1,
    }
    assert Counter(note.policy for note in sample.notes) == {"uk-14": 184, "eu-14": 15, "default": 1}


def test_sample_has_notes_without_a_customer(sample):
    assert sum(note.customer is None for note in sample.notes) == 2


def test_sample_keeps_each_line_as_it_stands(sample, counted):
    for note in sample.notes:
        for line in note.lines:
            number, code, text, count, *_ = counted[line.line - 2]
            assert (note.number, line.sku, line.description, line.quantity) == (number, code, text.strip(), -int(count))
            assert note.country == {"EIRE": "IE"}.get(counted[line.line - 2][7], note.country)


def test_sample_keeps_identical_lines_apart(sample):
    note = next(note for note in sample.notes if note.number == "C538341")
    keys = Counter((line.sku, line.quantity, line.unit_price) for line in note.lines)
    assert sum(count - 1 for count in keys.values()) == 9  # lines that repeat one before them


def test_sample_read_twice_is_the_same(sample):
    assert read_credit_notes(SAMPLE.read_bytes()) == sample
