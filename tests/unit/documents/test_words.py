"""Text from outside before it is set: what is left out, what stands in for it, where it may break."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.documents.fonts import covered
from ledger_service.documents.words import MISSING, inline, is_rtl, one_line, paragraphs

_ISOLATES = "\u2068\u2069"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  Ada \t Lovelace\n", "Ada Lovelace"),
        ("A\u202eevil\u202c", "Aevil"),
        ("A\u2066B\u2069\u200f\u061c", "AB"),
        ("A\x00B\x1bC", "A B C"),
        ("🙂", MISSING),
        ("\ud800", MISSING),
        ("\ue000", MISSING),
        ("e\u0301", "é"),
        ("क्‍ष", "क्‍ष"),
        ("a" + "\u0301" * 9, "á" + "\u0301" * 3),
        ("x\u2028y", "x y"),
    ],
)
def test_odd_characters_are_left_out_or_shown_as_missing(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_long_text_is_cut_and_says_so() -> None:
    assert one_line("ab " * 100, 10) == "ab ab ab…"


def test_long_word_may_break_and_loses_nothing() -> None:
    word = "x" * 100
    assert one_line(word).replace("\u200b", "") == word
    assert max(len(part) for part in one_line(word).split("\u200b")) <= 24


def test_paragraphs_keep_their_lines() -> None:
    assert paragraphs("one  two\nthree\n\n") == "one two\nthree"


def test_name_in_a_sentence_is_isolated() -> None:
    assert inline("محمد") == "\u2068محمد\u2069"
    assert inline("\u2069\u202eA") == "\u2068A\u2069"


@pytest.mark.parametrize(
    ("text", "rtl"),
    [("Ada", False), ("محمد 12", True), ("12 דוד", True), ("(12)", False), ("Ada محمد", False), ("", False)],
)
def test_direction_is_that_of_the_first_letter(text: str, rtl: bool) -> None:
    assert is_rtl(text) is rtl


@given(st.text(max_size=300))
def test_whatever_comes_can_be_shown(text: str) -> None:
    shown = one_line(text)
    allowed = {"\u200b", "\u200c", "\u200d"}
    assert all(ord(sign) in covered() or sign in allowed for sign in shown)
    assert not any(unicodedata.category(sign) in ("Cc", "Cs", "Co", "Zl", "Zp") for sign in shown)
    assert not any(
        unicodedata.bidirectional(sign) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI") for sign in shown
    )
