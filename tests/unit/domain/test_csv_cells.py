"""CSV that a spreadsheet computes nothing of, and reads back as it was."""

from __future__ import annotations

import csv
import io

import pytest

from ledger_service.domain.csv_cells import BOM, header, line, plain


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "＝1+1",
        "＋1",
        "－1+1",
        "＠SUM(A1)",
        " =1",
        "-",
        "+7",
    ],
)
def test_what_begins_like_a_formula_begins_with_an_apostrophe(text: str) -> None:
    assert plain(text) == "'" + text


@pytest.mark.parametrize("text", ["RMA-1", "19.80", "-19.80", "-5", "a=b", "", "'=1", "Ä@b"])
def test_what_is_none_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


def test_line_is_read_back_as_it_was() -> None:
    cells = ['says "no"', "a,b", "two\r\nlines", "", "日本語", ";"]
    text = line([*cells, None, 7])
    assert text.endswith("\r\n")
    assert next(csv.reader(io.StringIO(text, newline=""), strict=True)) == [*cells, "", "7"]


def test_byte_order_mark_is_there_where_it_is_asked_for() -> None:
    assert header(["a", "b"], bom=True) == BOM + "a,b\r\n"
    assert header(["a", "b"], bom=False) == "a,b\r\n"
