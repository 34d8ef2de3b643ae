import re
from pathlib import Path

import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.entry import NO_COMMITMENT, Entry, chain_heads, link
from ledger_service.domain.hashing import keccak
from ledger_service.domain.vocabulary import Grade, Kind, Role, State

LIBRARIES = Path(__file__).parents[3] / "contracts" / "libraries"
ACTOR = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
ENTRY = Entry(
    position=2,
    kind=Kind.INSPECTED,
    role=Role.INSPECTOR,
    state=State.INSPECTED,
    deadline=1_800_000_000,
    time=1_799_000_000,
    grade=Grade.USED,
    share=7_500,
    fee=150,
    flags=5,
)
BITS = {
    "position": (0, 24),
    "kind": (24, 8),
    "role": (32, 8),
    "state": (40, 8),
    "deadline": (48, 40),
    "time": (88, 40),
    "grade": (128, 8),
    "share": (136, 16),
    "fee": (152, 16),
    "flags": (168, 8),
}
ENTRIES = st.builds(
    Entry,
    position=st.integers(0, 2**24 - 1),
    kind=st.sampled_from(Kind),
    role=st.sampled_from(Role),
    state=st.sampled_from(State),
    deadline=st.integers(0, 2**40 - 1),
    time=st.integers(0, 2**40 - 1),
    grade=st.sampled_from(Grade),
    share=st.integers(0, 2**16 - 1),
    fee=st.integers(0, 2**16 - 1),
    flags=st.integers(0, 255),
)


def replaced(**changes):
    return Entry(**{**{name: getattr(ENTRY, name) for name in BITS}, **changes})


@pytest.mark.parametrize(
    ("name", "bits"),
    [(name, bits) for name, (_, bits) in BITS.items() if name not in ("kind", "role", "state", "grade")],
)
@pytest.mark.parametrize("below", [True, False])
def test_pack_of_a_value_that_its_field_cannot_hold_is_refused(name, bits, below):
    with pytest.raises(ValueError, match=name):
        replaced(**{name: -1 if below else 2**bits}).pack()


@pytest.mark.parametrize("length", [0, 31, 33])
def test_unpack_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match="32 bytes"):
        Entry.unpack(bytes(length))


@pytest.mark.parametrize("bit", [176, 177, 200, 255])
def test_unpack_of_bits_above_the_fields_is_refused(bit):
    word = int.from_bytes(ENTRY.pack(), "big") | 1 << bit
    with pytest.raises(ValueError, match="no bits above"):
        Entry.unpack(word.to_bytes(32, "big"))


@pytest.mark.parametrize(("name", "number"), [("kind", 24), ("role", 7), ("state", 15), ("grade", 6), ("kind", 255)])
def test_unpack_of_a_number_that_is_no_word_is_refused(name, number):
    shift, bits = BITS[name]
    word = int.from_bytes(ENTRY.pack(), "big") & ~(((1 << bits) - 1) << shift) | number << shift
    with pytest.raises(ValueError, match=str(number)):
        Entry.unpack(word.to_bytes(32, "big"))


@pytest.mark.parametrize("name", BITS)
def test_pack_puts_a_field_where_the_contract_has_it(name):
    shift, bits = BITS[name]
    assert int.from_bytes(ENTRY.pack(), "big") >> shift & ((1 << bits) - 1) == getattr(ENTRY, name)


def test_layout_is_the_one_that_the_contract_documents():
    source = " ".join(path.read_text() for path in LIBRARIES.glob("*.sol")).replace("///", "")
    text = re.search(r"From the lowest bit: (position.*?)\. `ledger_service/domain/entry", " ".join(source.split()))[1]
    widths = [int(number) for number in re.findall(r" (\d+)", text)]
    assert widths == [bits for _, bits in BITS.values()]


@given(ENTRIES)
def test_entry_comes_back(entry):
    assert len(entry.pack()) == 32
    assert Entry.unpack(entry.pack()) == entry


@given(ENTRIES, ENTRIES)
def test_different_entries_have_different_words(one, other):
    assert (one.pack() == other.pack()) is (one == other)


def test_link_is_the_hash_that_the_contract_takes():
    head, commitment = keccak(b"head"), keccak(b"commitment")
    packed = encode(["bytes32", "address", "bytes32", "bytes32"], [head, ACTOR, commitment, ENTRY.pack()])
    assert link(head, ACTOR, commitment, ENTRY.pack()) == keccak(packed)


def test_chain_heads_of_no_records_is_the_case_id():
    assert chain_heads(bytes(range(32)), []) == bytes(range(32))


@given(st.lists(st.tuples(st.just(ACTOR), st.binary(min_size=32, max_size=32), st.just(ENTRY.pack())), max_size=6))
def test_chain_heads_takes_link_after_link(links):
    head = keccak(b"case")
    for one in links:
        head = link(head, *one)
    assert chain_heads(keccak(b"case"), links) == head


@pytest.mark.parametrize("change", ["order", "missing", "twice", "commitment", "actor", "entry", "case"])
def test_head_changes_with_whatever_is_changed(change):
    case, links = keccak(b"case"), [(ACTOR, keccak(bytes([i])), ENTRY.pack()) for i in range(3)]
    head = chain_heads(case, links)
    changed = {
        "order": [links[1], links[0], links[2]],
        "missing": links[:2],
        "twice": [*links, links[2]],
        "commitment": [(ACTOR, NO_COMMITMENT, ENTRY.pack()), *links[1:]],
        "actor": [("0x" + "11" * 20, *links[0][1:]), *links[1:]],
        "entry": [(*links[0][:2], replaced(time=1).pack()), *links[1:]],
        "case": links,
    }[change]
    assert chain_heads(keccak(b"other") if change == "case" else case, changed) != head
