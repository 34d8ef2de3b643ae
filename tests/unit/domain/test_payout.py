import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.payout import split_lock

AMOUNT = st.integers(0, 2**53)
POINTS = st.integers(0, 10_000)
LOCKS = st.fixed_dictionaries(
    {"refund": AMOUNT, "freight": AMOUNT, "reserve": AMOUNT, "fee": POINTS, "freight_to_consumer": st.booleans()}
)


def split(refund=1980, freight=0, reserve=0, share=10_000, fee=0, freight_to_consumer=False):
    paid = split_lock(
        refund=refund, freight=freight, reserve=reserve, share=share, fee=fee, freight_to_consumer=freight_to_consumer
    )
    return paid.to_consumer, paid.to_merchant


@pytest.mark.parametrize(
    "values",
    [
        {"share": 10_001},
        {"share": -1},
        {"fee": 10_001},
        {"fee": -1},
        {"refund": -1},
        {"freight": -1},
        {"reserve": -1},
    ],
    ids=str,
)
def test_split_lock_of_values_that_no_lock_has_is_refused(values):
    with pytest.raises(ValueError, match="basis points"):
        split(**values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, (1980, 0)),
        ({"share": 0}, (0, 1980)),
        ({"share": 5_000}, (990, 990)),
        ({"refund": 1, "share": 5_000}, (1, 0)),  # dust is the consumer's
        ({"refund": 1, "share": 1}, (1, 0)),
        ({"refund": 3, "share": 3_333}, (1, 2)),
        ({"refund": 0}, (0, 0)),
        ({"freight": 500}, (1980, 500)),
        ({"freight": 500, "freight_to_consumer": True}, (2480, 0)),
        ({"reserve": 300}, (1980, 300)),
        ({"fee": 1_500}, (1683, 297)),
        ({"fee": 1}, (1980, 0)),  # a fee below one minor unit is none
        ({"share": 1_000, "fee": 1_500}, (0, 1980)),  # a fee takes no more than there is
        ({"share": 1_000, "fee": 1_500, "freight": 500, "freight_to_consumer": True}, (500, 1980)),
        ({"share": 9_999, "refund": 2**53}, (2**53 - 2**53 // 10_000, 2**53 // 10_000)),
    ],
    ids=str,
)
def test_split_lock_gives_each_its_part(values, expected):
    assert split(**values) == expected


@given(LOCKS, POINTS)
def test_parts_add_up_to_the_lock_and_neither_is_negative(lock, share):
    to_consumer, to_merchant = split(**lock, share=share)
    assert to_consumer + to_merchant == lock["refund"] + lock["freight"] + lock["reserve"]
    assert to_consumer >= 0
    assert to_merchant >= 0


@given(LOCKS, POINTS, POINTS)
def test_greater_share_never_pays_the_consumer_less(lock, one, other):
    low, high = sorted((one, other))
    assert split(**lock, share=low)[0] <= split(**lock, share=high)[0]


@given(LOCKS, POINTS, POINTS)
def test_greater_fee_never_pays_the_consumer_more(lock, share, other):
    low, high = sorted((lock["fee"], other))
    assert split(**{**lock, "fee": high}, share=share)[0] <= split(**{**lock, "fee": low}, share=share)[0]


@given(AMOUNT, POINTS)
def test_dust_is_the_consumers_and_less_than_one_unit(refund, share):
    to_consumer, _ = split(refund=refund, share=share)
    exact = refund * share  # in ten-thousandths
    assert 0 <= to_consumer * 10_000 - exact < 10_000


@given(LOCKS, POINTS)
def test_freight_and_reserve_change_nothing_of_the_refund(lock, share):
    bare = split(refund=lock["refund"], share=share, fee=lock["fee"])[0]
    extra = lock["freight"] if lock["freight_to_consumer"] else 0
    assert split(**lock, share=share)[0] == bare + extra
