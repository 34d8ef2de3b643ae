from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.money import MAX_MINOR, exponent, to_decimal, to_minor
from ledger_service.errors import InvalidInput

CURRENCIES = {"JPY": 0, "KRW": 0, "CLP": 0, "EUR": 2, "GBP": 2, "USD": 2, "BRL": 2, "KWD": 3, "BHD": 3, "TND": 3}


@pytest.mark.parametrize(
    "currency", ["", "eur", "Eur", "EURO", "XXX", "XAU", "XTS", "ZZZ", " EUR", "EUR ", "978", None, 978, [], "ＥＵＲ"]
)
def test_exponent_of_what_is_no_currency_is_refused(currency):
    with pytest.raises(InvalidInput) as raised:
        exponent(currency, field="refund.currency")
    assert raised.value.field == "refund.currency"
    assert raised.value.remedy


@pytest.mark.parametrize(("currency", "digits"), CURRENCIES.items())
def test_exponent_is_that_of_iso_4217(currency, digits):
    assert exponent(currency) == digits


@pytest.mark.parametrize(
    "amount",
    [
        "",
        " ",
        ".",
        "-1",
        "-0.00",
        "+1",
        "1,00",
        "1.000,00",
        "1 000",
        "1_000",
        ".5",
        "5.",
        "1e2",
        "1E2",
        "0x10",
        "NaN",
        "Infinity",
        "sNaN",
        "１２",
        "١٢",
        "12\n",
        "\n12",
        "1.2.3",
        "1" * 16,
        "0.1234567",
        "£5",
        "5 GBP",
        None,
        5,
        5.0,
        Decimal("5"),
        True,
        b"5",
        ["5"],
    ],
    ids=repr,
)
def test_to_minor_of_what_is_no_amount_is_refused(amount):
    with pytest.raises(InvalidInput) as raised:
        to_minor(amount, "GBP", field="refund.amount")
    assert raised.value.field == "refund.amount"
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("1.5", "JPY"), ("1.0001", "KWD"), ("19.801", "GBP"), ("0.001", "EUR"), ("0.00001", "USD"), ("0.1", "KRW")],
)
def test_to_minor_of_too_many_decimals_is_refused(amount, currency):
    with pytest.raises(InvalidInput) as raised:
        to_minor(amount, currency, field="refund.amount")
    assert currency in raised.value.detail


def test_to_minor_of_more_than_fits_is_refused():
    assert to_minor(to_decimal(MAX_MINOR, "JPY")[:15], "JPY") > 0
    with pytest.raises(InvalidInput):
        to_minor("999999999999999", "KWD")


def test_largest_amount_is_exact_in_every_json_reader():
    assert MAX_MINOR == 2**53 - 1
    assert to_minor(to_decimal(MAX_MINOR, "EUR"), "EUR") == MAX_MINOR
    with pytest.raises(InvalidInput):
        to_minor(to_decimal(MAX_MINOR + 1, "EUR"), "EUR")


def test_to_minor_of_an_unknown_currency_names_the_currency():
    with pytest.raises(InvalidInput) as raised:
        to_minor("5", "ZZZ", field="refund.amount")
    assert raised.value.field == "refund.currency"


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("19.80", "GBP", 1980),
        ("19.8", "GBP", 1980),
        ("19", "GBP", 1900),
        ("0", "GBP", 0),
        ("0.00", "GBP", 0),
        ("0.01", "GBP", 1),
        ("007.50", "EUR", 750),
        ("19.800", "GBP", 1980),
        ("1000", "JPY", 1000),
        ("1000.0", "JPY", 1000),
        ("1.234", "KWD", 1234),
        ("1.2", "KWD", 1200),
        ("0.29", "GBP", 29),
        ("1130.9", "GBP", 113090),
        ("13541.33", "GBP", 1354133),
        ("90071992547409.91", "EUR", 2**53 - 1),
    ],
)
def test_to_minor_is_exact(amount, currency, minor):
    assert to_minor(amount, currency) == minor


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (0, "GBP", "0.00"),
        (1, "GBP", "0.01"),
        (1980, "GBP", "19.80"),
        (0, "JPY", "0"),
        (1000, "JPY", "1000"),
        (1, "KWD", "0.001"),
        (10**40 + 1, "EUR", "1" + "0" * 38 + ".01"),
    ],
)
def test_to_decimal_has_all_digits_of_the_currency(minor, currency, text):
    assert to_decimal(minor, currency) == text


@given(st.integers(0, MAX_MINOR // 1000), st.sampled_from(sorted(CURRENCIES)))
def test_minor_units_come_back(minor, currency):
    assert to_minor(to_decimal(minor, currency), currency) == minor


@given(st.decimals(0, 10**9, places=2), st.sampled_from(["EUR", "GBP", "USD"]))
def test_to_minor_is_a_hundred_times_the_amount(amount, currency):
    assert to_minor(str(amount), currency) == amount * 100
