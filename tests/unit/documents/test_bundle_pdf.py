"""The evidence of a case as a PDF: what it says, that every script shows, and that nobody's name can move anything."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.verification.builder import START, TOKENS, Life, disputed, inspected, opened, paid, seal

from ledger_service.documents import observed, typesetting
from ledger_service.documents.bundle_pdf import Facts, bundle_pdf
from ledger_service.documents.typesetting import MAX_ATTACHED, Attachment, typeset
from ledger_service.domain.disclosures import read_disclosure
from ledger_service.domain.hashing import hex0x
from ledger_service.domain.times import from_chain
from ledger_service.domain.vocabulary import Grade, Kind, Mode, Role
from ledger_service.errors import InvalidInput, TooLarge
from ledger_service.verification import verify_bundle

from .pages import boxes_outside, files_in, line_with, page_count, text_of

NAMES = {
    "Latin": "Zoë Łukasiewicz-Şahin",
    "Cyrillic": "Ірина Ковальчук",
    "Greek": "Γιώργος Παπαδόπουλος",
    "Chinese": "张伟",
    "traditional Chinese": "陳怡君",
    "Japanese": "山田 ひらがな カタカナ 髙﨑",
    "Korean": "김철수",
    "Arabic": "محمد عبد الله",
    "Persian": "پریسا گل‌محمدی",
    "Hebrew": "דוד בן־גוריון",
    "Thai": "สมชาย ใจดี",
    "Devanagari": "राम कुमार क्षत्रिय",
    "Vietnamese": "Nguyễn Thị Ánh",
}
CHECKS = tuple({"number": number, "result": "skipped" if number == 7 else "pass"} for number in range(1, 9))


def facts(life: Life, **changes: Any) -> Facts:
    made = Facts(
        at=life.now,
        language="de",
        service="https://returns.example",
        merchant="Glück & Söhne",
        verdict="verified",
        names={life.parties.carrier: "FedEx"},
        checks=CHECKS,
        link="https://returns.example/s#token",
    )
    return replace(made, **changes)


def bundle_of(life: Life) -> dict[str, Any]:
    return seal(life.evidence().as_json())


def made(life: Life, **changes: Any) -> bytes:
    return bundle_pdf(bundle_of(life), facts(life, **changes))


# --- what it says ----------------------------------------------------------------------------------------------------


def test_document_says_the_same_in_the_readers_language_and_in_english() -> None:
    life = paid()
    text = text_of(made(life))
    for said in ("Nachweis einer Rücksendung".upper(), "Ware geprüft", "Worauf Sie sich weiter verlassen"):
        assert said in text
    for said in ("Evidence of a return".upper(), "Goods inspected", "What you still rely on"):
        assert said in text
    assert text.count("19.80 EUR") >= 4
    assert text.count("Versanddienst (FedEx)") == 1
    assert "von: the tests" in text.replace("\n", " ")  # who runs the chain
    assert f"0x{life.case_id.hex()}" in text


def test_english_reader_gets_one_part_alone() -> None:
    assert page_count(made(paid(), language="en")) < page_count(made(paid(), language="de"))


def test_moment_of_a_record_is_its_blocks() -> None:
    life = paid()
    first = from_chain(life.blocks[life.links[0].place.block].time)
    assert f"{first:%H:%M:%S} UTC" in text_of(made(life, language="en"))


OBSERVED = Path(__file__).parents[2] / "vectors" / "bundles" / "observed.json"


def test_observations_stand_in_the_document_with_their_place_in_the_log() -> None:
    """Of a real case: two measurements, and a message that its reader is shown."""
    bundle = json.loads(OBSERVED.read_text())
    document = bundle_pdf(bundle, facts(paid(), language="en"))
    text = text_of(document).replace("\n", " ")
    assert text.index("What was seen and said on the way.") < text.index("Entry 0 of the log")
    for said in ("Measurement", "temperature 4.5 C", "Message", "Entry 2 of the log", "anchored"):
        assert said in text, said
    (disclosed,) = [read_disclosure(one) for row in bundle["evidence"]["observations"] for one in row["disclosures"]]
    assert str(disclosed.value) in text
    hidden = json.loads(OBSERVED.read_text())
    for row in hidden["evidence"]["observations"]:
        row["disclosures"] = []
    assert str(disclosed.value) not in text_of(bundle_pdf(hidden, facts(paid(), language="en"))).replace("\n", " ")


def test_observations_beyond_measure_and_odd_ones_are_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observed, "MOST", 2)
    bundle = json.loads(OBSERVED.read_text())
    first = bundle["evidence"]["observations"][0]
    first.update(canonical=first["canonical"].replace("reading", "sighted"), index=None)
    text = text_of(bundle_pdf(bundle, facts(paid(), language="en"))).replace("\n", " ")
    assert "1 more are in the attached file." in text
    assert "Not in the log yet" in text
    assert "Entry 2 of the log" not in text
    assert "What was seen and said" not in text_of(made(paid(), language="en"))


def test_missed_times_tell_contract_and_service_level_apart() -> None:
    text = text_of(made(opened().lapse(), language="en")).replace("\n", " ")
    assert "Answer to the request: deadline of the contract" in text
    assert "First response: service level" in text
    assert "1 s late" in text
    assert "None, by the times of the blocks." in text_of(made(paid(), language="en"))


def test_reasons_of_a_ruling_stand_beside_it() -> None:
    life = disputed()
    life.vote(6_000, 7_000, 8_000)
    text = text_of(made(life, language="en"))
    assert text.count("It is as it is.") == 3
    assert "70% of the refund" in text


def test_failed_check_is_said_first() -> None:
    failed = ({"number": 1, "result": "fail"}, *CHECKS[1:])
    text = text_of(made(paid(), language="en", verdict="failed", checks=failed))
    assert "Do not rely on this record" in text.replace("\n", " ")


@pytest.mark.parametrize("mode", list(Mode))
def test_document_of_any_mode_and_state_is_made(mode: Mode) -> None:
    life = Life(mode)
    assert "waits to be recorded" in text_of(made(life, language="en"))
    assert "waits for the shop" in text_of(made(life.open(), language="en"))
    life.refuse(Kind.RECEIVED, Role.CARRIER)
    assert "refused" in text_of(made(life, language="en"))


def test_broken_evidence_still_makes_a_document() -> None:
    """It is then that people need one: it says that a check failed."""
    bundle = bundle_of(paid())
    bundle["evidence"]["records"] = []
    text = text_of(bundle_pdf(bundle, facts(paid(), verdict="failed", language="en")))
    assert "A check failed" in text


def test_what_is_no_bundle_is_refused() -> None:
    with pytest.raises(InvalidInput):
        bundle_pdf({"evidence": {"case_id": "0x"}}, facts(paid()))


# --- the file inside -------------------------------------------------------------------------------------------------


def test_bundle_inside_is_the_signed_one_and_its_fingerprint_is_printed() -> None:
    life = paid()
    document = made(life)
    ((name, content),) = files_in(document).items()
    assert name == f"case-{life.case_id.hex()[:8]}.bundle.json"
    report = verify_bundle(json.loads(content), keys=TOKENS.jwks())
    assert report.verdict == "verified"
    assert text_of(document).count(hashlib.sha256(content).hexdigest()) == 2


def test_same_bundle_and_facts_make_the_same_bytes() -> None:
    assert made(paid()) == made(paid())
    assert made(paid()) != made(paid(), at=START)


def test_bundle_beyond_all_measure_is_left_out_and_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typesetting, "MAX_ATTACHED", 1_000)
    document = made(paid())
    text = text_of(document).replace("\n", " ")
    assert files_in(document) == {}
    assert "zu groß, um an diesem PDF zu hängen" in text
    assert "too large to be attached" in text
    assert "the attached file counts" not in text


def test_title_names_the_shop_s_own_reference_or_the_case() -> None:
    life = paid()
    bundle = bundle_of(life)
    assert "Return RMA-7" in text_of(made(life, language="en", reference="RMA-7"))
    for row in bundle["evidence"]["records"]:
        row["canonical"] = row["canonical"].replace('"reference":"RMA-1",', "")
    assert f"Return {life.case_id.hex()[:8]}" in text_of(bundle_pdf(bundle, facts(life, language="en")))


def test_files_beyond_all_measure_are_refused() -> None:
    with pytest.raises(TooLarge):
        typeset(
            "bundle",
            title="",
            author="",
            at=from_chain(START),
            link=None,
            files=[Attachment("a.json", "application/json", "x" * (MAX_ATTACHED + 1), "")],
            parts=[],
        )


@pytest.mark.parametrize("life", [paid(), disputed()], ids=["paid", "disputed"])
def test_arabic_document_runs_from_right_to_left_and_stays_inside_the_page(life: Life) -> None:
    document = made(life, language="ar", merchant="متجر النور", reference="RMA-1")
    assert boxes_outside(document) == []
    case_id = hex0x(life.evidence().case_id)
    assert line_with(document, "x").startswith(case_id)  # a code runs as ever, and its label stands at its right
    assert not line_with(made(life, language="en", merchant="متجر"), "x").startswith(case_id)


# --- names and words of all kinds ------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", sorted(NAMES))
def test_name_in_any_script_shows(script: str) -> None:
    """The format (PDF/A-3) allows no missing glyph: the typesetter refuses to make one."""
    text = text_of(made(paid(), language="en", merchant=NAMES[script]))
    letters = sorted(NAMES[script].replace(" ", "").replace("\u200c", ""))
    lines = [sorted(line.replace(" ", "").replace("\u200c", "")) for line in text.splitlines()]
    assert any(all(line.count(sign) >= letters.count(sign) for sign in letters) for line in lines), text[:300]
    assert "□" not in text


def test_character_that_no_font_has_would_be_refused() -> None:
    with pytest.raises(typst.TypstError):
        typst.compile(
            b'#set document(title: "t")\n#text("\xf0\x9f\x99\x82")',
            ignore_system_fonts=True,
            pdf_standards=["a-3a"],
            timestamp=START,
        )


def test_missing_character_is_shown_as_such() -> None:
    assert "Shop □" in text_of(made(paid(), merchant="Shop 🙂"))


HOSTILE = [
    "#strong[x] *b* _i_ $x^2$ `c` <label> @ref // c /* d */ \\ #panic(1) ~ -- ' \"",
    "<b>bold</b> <para> &amp; {name} {0} %s",
    "x" * 5_000,
    "٣" * 3_000,
    "W " * 3_000,
    "\n" * 500 + "end",
    "\u202e\u2067" * 50 + "turned",
    "Z" + "\u0301\u0350" * 200,
    "क्" * 500,
    "\x00\x07\x1b[31m",
    "]]>%%EOF\nendobj",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_name_stays_text_and_inside_the_page(text: str) -> None:
    life = paid()
    plain = page_count(made(life, language="en"))
    document = made(life, language="en", merchant=text, names={life.parties.carrier: text})
    assert boxes_outside(document) == []
    assert page_count(document) <= plain + 1


@settings(max_examples=12)
@given(text=st.text(min_size=1, max_size=120))
def test_whatever_a_name_holds_a_document_is_made(text: str) -> None:
    life = opened()
    assert boxes_outside(made(life, language="en", merchant=text, names={life.parties.merchant: text})) == []


def test_markup_is_shown_as_it_was_written() -> None:
    text = text_of(made(paid(), language="en", merchant=HOSTILE[0])).replace("\n", " ")
    assert HOSTILE[0] in text


def test_second_dispute_is_a_claim_stated_anew_and_a_silent_panel_hands_on() -> None:
    text = text_of(made(disputed().lapse(), language="en"))
    assert text.count("Dispute opened\n") == 1
    assert "Claim stated anew" in text
    assert "Passed to the arbitrators’ substitutes by rule" in text


def test_acceptance_after_its_notice_took_effect() -> None:
    life = inspected(grade=Grade.USED, share=8_000).act(Kind.ACCEPTED, Role.CONSUMER).lapse()
    text = text_of(made(life, language="en"))
    assert text.index("Proposal accepted") < text.index("The acceptance took effect")
    assert "Decided by rule: the time to answer had passed" in text_of(made(inspected().lapse(), language="en"))
