import copy
import json
import re
from pathlib import Path

import pytest
from eth_abi.abi import encode
from iso3166 import countries_by_alpha2

from ledger_service.domain.countries import policy_code
from ledger_service.domain.hashing import keccak
from ledger_service.domain.policies import parse_policy
from ledger_service.domain.records import canonical_bytes
from ledger_service.domain.vocabulary import Freight, Grade, State

FOLDER = Path(__file__).parents[3] / "ledger_service" / "policies"
REGISTERS = Path(__file__).parents[3] / "contracts" / "base" / "Registers.sol"
CODES = ["br-7", "default", "eu-14", "jp-defect", "sea-cod-7", "uk-14", "us-30"]
DOCUMENTS = {code: json.loads((FOLDER / f"{code}.json").read_text("utf-8")) for code in CODES}
LIVE = [state for state in State if state.is_live]
DAY, HOUR = 86_400, 3_600


def document(**changes):
    return {**copy.deepcopy(DOCUMENTS["eu-14"]), **changes}


def with_window(state, text):
    changed = document()
    changed["windows"][state] = text
    return changed


def with_grade(grade, **rule):
    changed = document()
    changed["grades"][grade] = {**changed["grades"].get(grade, {}), **rule}
    return changed


@pytest.mark.parametrize(
    "name", ["policy", "version", "effective", "title", "windows", "notice", "freight", "fee_cap", "grades"]
)
def test_parse_policy_without_a_field_is_refused(name):
    changed = document()
    del changed[name]
    with pytest.raises(KeyError):
        parse_policy(changed)


@pytest.mark.parametrize("state", [state.wire for state in LIVE])
def test_parse_policy_without_a_window_is_refused(state):
    changed = document()
    del changed["windows"][state]
    with pytest.raises(ValueError, match="window for each live state"):
        parse_policy(changed)


@pytest.mark.parametrize("state", ["none", "settled", "closed"])
def test_parse_policy_with_a_window_for_a_state_that_has_none_is_refused(state):
    with pytest.raises(ValueError, match="no other"):
        parse_policy(with_window(state, "14d"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "14",
        "14 d",
        "d",
        "-1d",
        "+1d",
        "1.5d",
        "0d",
        "0h",
        "1_0d",
        "١d",
        "14D",
        "14m",
        "14d\n",
        "181d",
        "4321h",
        "1e1d",
    ],
)
@pytest.mark.parametrize("state", ["requested", "notice"])
def test_parse_policy_with_what_is_no_window_is_refused(state, text):
    changed = document(notice=text) if state == "notice" else with_window(state, text)
    with pytest.raises(ValueError, match="window"):
        parse_policy(changed)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1h", HOUR), ("48h", 48 * HOUR), ("1d", DAY), ("180d", 180 * DAY), ("4320h", 180 * DAY)]
)
def test_parse_policy_reads_windows_within_the_bounds(text, seconds):
    assert parse_policy(with_window("requested", text)).windows[State.REQUESTED] == seconds


def test_bounds_are_those_of_the_contract():
    source = REGISTERS.read_text()
    assert re.search(r"SHORTEST_WINDOW = 1 hours", source)
    assert re.search(r"LONGEST_WINDOW = 180 days", source)


@pytest.mark.parametrize("value", [-1, 10_001, 1.5, "0", None, True])
def test_parse_policy_with_what_is_no_basis_points_is_refused(value):
    with pytest.raises(ValueError, match="basis points"):
        parse_policy(document(fee_cap=value))
    with pytest.raises(ValueError, match="basis points"):
        parse_policy(with_grade("used", min_share=value))


@pytest.mark.parametrize("changes", [{"version": 0}, {"version": "1"}, {"version": 1.5}, {"version": True}])
def test_parse_policy_with_what_is_no_version_is_refused(changes):
    with pytest.raises(ValueError, match="version"):
        parse_policy(document(**changes))


@pytest.mark.parametrize("text", ["soon", "2026-13-01", "01/01/2026"])
def test_parse_policy_with_what_is_no_date_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        parse_policy(document(effective=text))


@pytest.mark.parametrize("text", ["shop", "CONSUMER", ""])
def test_parse_policy_with_another_freight_is_refused(text):
    with pytest.raises(KeyError):
        parse_policy(document(freight=text))


@pytest.mark.parametrize("grade", [grade.wire for grade in Grade if grade])
def test_parse_policy_without_a_grade_is_refused(grade):
    changed = document()
    del changed["grades"][grade]
    with pytest.raises(ValueError, match="each grade"):
        parse_policy(changed)


def test_parse_policy_with_a_rule_for_no_grade_is_refused():
    with pytest.raises(ValueError, match="each grade"):
        parse_policy(with_grade("none", meaning="not inspected", min_share=0))


@pytest.mark.parametrize("meaning", ["", None, 5])
def test_parse_policy_with_a_grade_that_means_nothing_is_refused(meaning):
    with pytest.raises(ValueError, match="means"):
        parse_policy(with_grade("used", meaning=meaning))


@pytest.mark.parametrize("share", [0, 9_999])
def test_parse_policy_that_keeps_money_for_defective_goods_is_refused(share):
    with pytest.raises(ValueError, match="defective"):
        parse_policy(with_grade("defective", min_share=share))


def test_seven_policies_ship():
    assert sorted(path.stem for path in FOLDER.glob("*.json")) == CODES


@pytest.mark.parametrize("code", CODES)
def test_shipped_policy_is_sound(code):
    policy = parse_policy(DOCUMENTS[code])
    assert policy.code == code
    assert set(policy.windows) == set(LIVE)
    assert all(HOUR <= seconds <= 180 * DAY for seconds in policy.windows.values())
    assert policy.min_share[Grade.DEFECTIVE] == 10_000
    assert list(policy.min_share) == [Grade.AS_NEW, Grade.OPENED, Grade.USED, Grade.DAMAGED, Grade.DEFECTIVE]


@pytest.mark.parametrize("code", CODES)
def test_shipped_policy_says_in_words_what_it_does(code):
    found = DOCUMENTS[code]
    assert len(found["summary"]) > 100
    assert all(len(rule["meaning"]) > 30 for rule in found["grades"].values())
    assert found["basis"]
    assert all(set(entry) == {"source", "article", "says"} and all(entry.values()) for entry in found["basis"])


@pytest.mark.parametrize("code", CODES)
def test_shipped_policy_never_pays_less_for_goods_in_a_better_state(code):
    shares = parse_policy(DOCUMENTS[code]).min_share
    order = [shares[grade] for grade in (Grade.AS_NEW, Grade.OPENED, Grade.USED, Grade.DAMAGED)]
    assert order == sorted(order, reverse=True)


@pytest.mark.parametrize("code", CODES)
def test_notice_of_a_shipped_policy_fits_into_every_window_of_the_consumer(code):
    policy = parse_policy(DOCUMENTS[code])
    consumers = (State.DECLINED, State.AUTHORISED, State.INSPECTED, State.DELIVERED, State.RULED, State.REFUNDED)
    assert policy.notice < min(policy.windows[state] for state in consumers)


@pytest.mark.parametrize(
    ("code", "freight", "fee_cap"),
    [
        ("eu-14", Freight.CONSUMER, 0),
        ("uk-14", Freight.CONSUMER, 0),
        ("us-30", Freight.CONSUMER, 1_500),
        ("br-7", Freight.SUPPLIED, 0),
        ("jp-defect", Freight.SUPPLIED, 0),
        ("sea-cod-7", Freight.SUPPLIED, 0),
        ("default", Freight.CONSUMER, 1_000),
    ],
)
def test_shipped_policy_has_the_terms_that_its_page_promises(code, freight, fee_cap):
    policy = parse_policy(DOCUMENTS[code])
    assert (policy.freight, policy.fee_cap) == (freight, fee_cap)
    page = (FOLDER.parents[1] / "docs" / "policies.md").read_text("utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `{code}` |"))
    assert (f"at most {fee_cap // 100} %" if fee_cap else "| none |") in row
    assert ("merchant's label" if freight is Freight.SUPPLIED else "consumer, unless defective") in row
    assert f"| {DOCUMENTS[code]['period']['days']} days |" in row


@pytest.mark.parametrize("code", ["eu-14", "uk-14"])
def test_statutory_refund_takes_at_most_fourteen_days_from_the_goods_arrival(code):
    windows = parse_policy(DOCUMENTS[code]).windows
    assert windows[State.RECEIVED] + windows[State.INSPECTED] + windows[State.PAYABLE] <= 14 * DAY


@pytest.mark.parametrize("country", sorted(countries_by_alpha2))
def test_countries_of_the_files_are_those_of_the_import(country):
    named = [code for code in CODES if country in DOCUMENTS[code]["countries"]]
    assert (named or ["default"]) == [policy_code(country)]


@pytest.mark.parametrize("code", CODES)
def test_id_is_the_hash_of_the_policys_abi_encoding(code):
    policy = parse_policy(DOCUMENTS[code])
    values = policy.on_chain()
    assert values[2] == keccak(canonical_bytes(DOCUMENTS[code]))
    assert policy.id() == keccak(encode(["(uint256,uint256,bytes32)"], [values]))


@pytest.mark.parametrize("code", CODES)
def test_fields_stand_in_the_policys_words_where_the_contract_reads_them(code):
    policy = parse_policy(DOCUMENTS[code])
    windows, rules, _ = (int(value) if isinstance(value, int) else 0 for value in policy.on_chain())
    hours = [windows >> 16 * place & 0xFFFF for place in range(16)]
    assert [3_600 * h for h in hours] == [policy.windows.get(state, 0) for state in State] + [0]
    assert [rules >> 16 * grade & 0xFFFF for grade in Grade] == [policy.min_share.get(grade, 0) for grade in Grade]
    assert rules >> 96 & 0xFFFF == policy.fee_cap
    assert rules >> 112 & 0xFF == policy.freight
    assert 3_600 * (rules >> 120) == policy.notice


def test_ids_differ():
    assert len({parse_policy(found).id() for found in DOCUMENTS.values()}) == len(CODES)


@pytest.mark.parametrize(
    "changes", [{"summary": "other"}, {"title": "Other"}, {"version": 2}, {"effective": "2027-01-01"}]
)
def test_id_changes_with_the_words_of_the_file_too(changes):
    assert parse_policy(document(**changes)).id() != parse_policy(document()).id()


@pytest.mark.parametrize("code", CODES)
def test_total_days_outlast_all_windows(code):
    policy = parse_policy(DOCUMENTS[code])
    assert policy.total_days * DAY > sum(policy.windows.values()) + policy.notice
