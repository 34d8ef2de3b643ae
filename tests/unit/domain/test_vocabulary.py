import re
from pathlib import Path

import pytest

from ledger_service.domain.vocabulary import PASSING_MARKS, Flag, Freight, Grade, Kind, Mark, Mode, Role, Stage, State

CONTRACTS = Path(__file__).parents[3] / "contracts"
API_KINDS = """
    requested authorised declined cancelled picked_up received inspected accepted exchange_shipped exchange_delivered
    refunded exchange_agreed disputed evidence challenged objected key_bound ruled appealed split settled closed erased
"""


def solidity_enum(name: str) -> list[str]:
    source = (CONTRACTS / "interfaces" / "CaseTypes.sol").read_text()
    body = re.search(rf"enum {name} {{(.*?)\n}}", source, re.S)[1]
    return re.findall(r"^\s+(\w+)", re.sub(r"//.*", "", body), re.M)


def in_camel_case(word: str) -> str:
    return "".join(part.capitalize() for part in word.split("_"))


@pytest.mark.parametrize("enum", [State, Role, Kind, Mode, Grade, Freight])
def test_numbers_are_those_of_the_contract(enum):
    assert [in_camel_case(member.name) for member in enum] == solidity_enum(enum.__name__)
    assert [int(member) for member in enum] == list(range(len(enum)))


def test_flags_are_those_of_the_contract():
    source = (CONTRACTS / "libraries" / "CaseFlags.sol").read_text()
    found = {name: int(bit) for name, bit in re.findall(r"constant (\w+) = (\d+);", source)}
    assert found == {flag.name: int(flag) for flag in Flag}


def test_flags_are_bits_of_their_own():
    assert sum(Flag) == 0b11111111


def test_marks_are_those_of_the_contract():
    source = (CONTRACTS / "libraries" / "CaseMarks.sol").read_text()
    found = {name: int(bit) for name, bit in re.findall(r"constant (\w+) = (\d+);", source)}
    assert found == {mark.name: int(mark) for mark in Mark}


def test_marks_that_pass_are_those_that_the_contract_clears():
    source = (CONTRACTS / "libraries" / "CaseMarks.sol").read_text()
    pending = re.search(r"PENDING = ([^;]+);", source)[1].split(" | ")
    assert sum(Mark[name.strip()] for name in pending) == PASSING_MARKS


def test_kinds_have_the_names_of_the_outside_interface():
    assert sorted(kind.wire for kind in Kind if kind) == sorted(API_KINDS.split())


@pytest.mark.parametrize("enum", [State, Role, Kind, Mode, Grade, Freight, Stage])
def test_wire_comes_back(enum):
    assert [enum.from_wire(member.wire) for member in enum] == list(enum)
    assert all(isinstance(enum.from_wire(member.wire), enum) for member in enum)


@pytest.mark.parametrize("text", ["", "invented", "PICKED_UP", "Picked_up", "picked-up", "pickedup", " picked_up", "5"])
def test_from_wire_of_another_word_is_refused(text):
    with pytest.raises(KeyError):
        Kind.from_wire(text)


def test_live_states_are_all_but_the_first_and_the_two_ends():
    assert [state.wire for state in State if not state.is_live] == ["none", "settled", "closed"]
