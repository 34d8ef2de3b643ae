import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.payout import split_lock

AMOUNT = st.integers(0, 2**53)
POINTS = st.integers(0, 10_000)
LOCKS = st.fixed_dictionaries(
    {
        "refund": AMOUNT,
        "freight": AMOUNT,
        "reserve": AMOUNT,
        "fee": POINTS,
        "freight_to_consumer": st.booleans(),
        "fees": AMOUNT,
        "fees_from_consumer": AMOUNT,
    }
)
WITHOUT_FEES = {"fees": 0, "fees_from_consumer": 0}


def split(refund=1980, freight=0, reserve=0, share=10_000, fee=0, freight_to_consumer=False, **fees):
    paid = split_lock(
        refund=refund,
        freight=freight,
        reserve=reserve,
        share=share,
        fee=fee,
        freight_to_consumer=freight_to_consumer,
        **fees,
    )
    return paid.to_consumer, paid.to_merchant, paid.to_panel


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
        {"fees": -1},
        {"fees_from_consumer": -1},
    ],
    ids=str,
)
def test_split_lock_of_values_that_no_lock_has_is_refused(values):
    with pytest.raises(ValueError, match="basis points"):
        split(**values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, (1980, 0, 0)),
        ({"share": 0}, (0, 1980, 0)),
        ({"share": 5_000}, (990, 990, 0)),
        ({"refund": 1, "share": 5_000}, (1, 0, 0)),  # dust is the consumer's
        ({"refund": 1, "share": 1}, (1, 0, 0)),
        ({"refund": 3, "share": 3_333}, (1, 2, 0)),
        ({"refund": 0}, (0, 0, 0)),
        ({"freight": 500}, (1980, 500, 0)),
        ({"freight": 500, "freight_to_consumer": True}, (2480, 0, 0)),
        ({"reserve": 300}, (1980, 300, 0)),
        ({"fee": 1_500}, (1683, 297, 0)),
        ({"fee": 1}, (1980, 0, 0)),  # a fee below one minor unit is none
        ({"share": 1_000, "fee": 1_500}, (0, 1980, 0)),  # a fee takes no more than there is
        ({"share": 1_000, "fee": 1_500, "freight": 500, "freight_to_consumer": True}, (500, 1980, 0)),
        ({"share": 9_999, "refund": 2**53}, (2**53 - 2**53 // 10_000, 2**53 // 10_000, 0)),
        ({"reserve": 300, "fees": 300}, (1980, 0, 300)),
        ({"reserve": 300, "fees": 299}, (1980, 1, 299)),
        ({"reserve": 300, "fees": 301}, (1980, 0, 300)),  # more than the reserve holds for them
        ({"reserve": 300, "fees": 300, "fees_from_consumer": 100}, (1880, 100, 300)),
        ({"reserve": 300, "fees": 300, "fees_from_consumer": 300}, (1680, 300, 300)),
        ({"reserve": 300, "fees": 300, "fees_from_consumer": 900}, (1680, 300, 300)),  # no more than there are
        ({"reserve": 300, "fees": 400, "fees_from_consumer": 100}, (1880, 0, 400)),
        ({"reserve": 300, "fees": 401, "fees_from_consumer": 100}, (1880, 0, 400)),
        ({"reserve": 300, "share": 0, "fees": 300, "fees_from_consumer": 300}, (0, 1980, 300)),
        ({"reserve": 300, "share": 505, "fees": 300, "fees_from_consumer": 300}, (0, 1980, 300)),  # a part of 100
        ({"reserve": 300, "share": 1_000, "fee": 1_500, "fees": 300, "fees_from_consumer": 300}, (0, 1980, 300)),
        (
            {
                "freight": 500,
                "reserve": 300,
                "share": 1_000,
                "fee": 1_500,
                "freight_to_consumer": True,
                "fees": 400,
                "fees_from_consumer": 200,
            },
            (300, 2080, 400),
        ),
    ],
    ids=str,
)
def test_split_lock_gives_each_its_part(values, expected):
    assert split(**values) == expected


@given(LOCKS, POINTS)
def test_parts_add_up_to_the_lock_and_none_is_negative(lock, share):
    parts = split(**lock, share=share)
    assert sum(parts) == lock["refund"] + lock["freight"] + lock["reserve"]
    assert min(parts) >= 0


@given(LOCKS, POINTS)
def test_arbitrators_get_their_fees_unless_reserve_and_consumer_lack_them(lock, share):
    to_consumer, _, to_panel = split(**lock, share=share)
    part, _, _ = split(**{**lock, **WITHOUT_FEES}, share=share)
    borne = part - to_consumer
    assert borne == min(part, lock["fees"], lock["fees_from_consumer"])
    assert to_panel == min(lock["fees"], lock["reserve"] + borne)


@given(LOCKS, POINTS)
def test_fees_take_nothing_of_the_merchants_but_the_reserve(lock, share):
    _, to_merchant, _ = split(**lock, share=share)
    _, without, _ = split(**{**lock, **WITHOUT_FEES}, share=share)
    assert without - lock["reserve"] <= to_merchant <= without


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
    to_consumer, _, _ = split(refund=refund, share=share)
    exact = refund * share  # in ten-thousandths
    assert 0 <= to_consumer * 10_000 - exact < 10_000


@given(LOCKS, POINTS)
def test_freight_and_reserve_change_nothing_of_the_refund(lock, share):
    bare = split(refund=lock["refund"], share=share, fee=lock["fee"])[0]
    extra = lock["freight"] if lock["freight_to_consumer"] else 0
    assert split(**{**lock, **WITHOUT_FEES}, share=share)[0] == bare + extra
