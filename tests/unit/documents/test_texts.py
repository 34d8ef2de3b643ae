"""Every language says the same, of everything that can come up."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import pytest

from ledger_service.documents.texts import LANGUAGES, language_of, parts_in, texts
from ledger_service.documents.words import MISSING, one_line
from ledger_service.domain.breaches import LEVELS
from ledger_service.domain.checks import NAMES
from ledger_service.domain.machine import WAITS_FOR
from ledger_service.domain.vocabulary import Grade, Kind, Mode, Role, State

_WORDS_OF_PRESENTING = (
    *("authorised", "closed", "refund_full", "as_proposed", "as_ruled", "as_claimed", "disputed", "fallback_panel"),
    *("bond_pays", "settled", "settled_unpaid"),
)


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        return {key: found for name, inner in value.items() for key, found in leaves(inner, f"{path}/{name}").items()}
    if isinstance(value, list):
        return {f"{path}[{index}]": inner for index, inner in enumerate(value)}
    return {path: value}


def content(language: str) -> dict[str, Any]:
    path = files("ledger_service.documents") / "texts" / f"{language}.json"
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def test_every_file_of_texts_is_a_language() -> None:
    folder = files("ledger_service.documents") / "texts"
    assert {path.name for path in folder.iterdir()} == {f"{language}.json" for language in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
def test_language_has_the_keys_and_placeholders_of_english(language: str) -> None:
    english, other = leaves(content("en")), leaves(content(language))
    assert list(other) == list(english)
    for path, text in english.items():
        if isinstance(text, str) and path != "/language":
            assert set(re.findall(r"{\w+}", other[path])) == set(re.findall(r"{\w+}", text)), path
            assert other[path].strip() == other[path] != "", path


@pytest.mark.parametrize("language", LANGUAGES)
def test_language_is_named_and_shown_by_the_fonts(language: str) -> None:
    found = leaves(content(language))
    assert found["/language"] == language
    assert [text for text in found.values() if isinstance(text, str) and MISSING in one_line(text, 10_000)] == []


def test_every_word_of_a_case_has_its_text() -> None:
    english = texts("en")
    assert {state.wire for state in State} <= set(english["states"])
    assert {kind.wire for kind in Kind if kind is not Kind.NONE} <= set(english["kinds"])
    assert {role.wire for role in Role} == set(english["roles"])
    assert {grade.wire for grade in Grade if grade is not Grade.NONE} == set(english["grades"])
    assert {mode.wire for mode in Mode} == set(english["bundle.modes"])
    assert {str(number) for number in NAMES} == set(english["checks"])
    assert set(LEVELS) < set(english["windows"])
    assert {state.wire for state, role in WAITS_FOR.items() if role is not Role.CONSUMER} < set(english["windows"])
    assert set(_WORDS_OF_PRESENTING) < set(english["otherwise"])


@pytest.mark.parametrize(
    ("wanted", "made"),
    [
        ("de", ["de", "en"]),
        ("zh-CN", ["zh", "en"]),
        ("ar-EG", ["ar", "en"]),
        ("en-GB", ["en"]),
        ("fr", ["en"]),
        ("", ["en"]),
    ],
)
def test_document_is_made_in_the_readers_language_and_english(wanted: str, made: list[str]) -> None:
    assert [each.language for each in parts_in(wanted)] == made
    assert language_of(wanted) == made[0]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_661, "1 h 1 min"), (90_000, "1 d 1 h"), (86_401, "1 d 1 s")],
)
def test_duration_is_said_in_its_two_largest_units(seconds: int, said: str) -> None:
    assert texts("en").duration(seconds) == said
