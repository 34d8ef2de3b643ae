"""Money as whole minor units of an ISO 4217 currency. Never a float."""

from __future__ import annotations

import re
from decimal import Decimal

from iso4217 import Currency

from ..errors import InvalidInput

_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?")
MAX_MINOR = 2**53 - 1  # exact in every JSON reader; databases and the escrow hold more


def exponent(currency: str, *, field: str = "currency") -> int:
    """Digits after the decimal point (JPY 0, EUR 2, KWD 3). Raises InvalidInput for a code ISO 4217 does not know."""
    try:
        digits = Currency(currency).exponent
    except ValueError:
        digits = None
    if digits is None:
        raise InvalidInput(
            f"{currency!r} is no ISO 4217 currency.", field=field, remedy="Send a code such as EUR, GBP or JPY."
        )
    return int(digits)


def to_minor(amount: str, currency: str, *, field: str = "amount") -> int:
    """Minor units of a decimal string. Raises InvalidInput unless it is exact, not negative and in range."""
    digits = exponent(currency, field=field.replace("amount", "currency"))
    if not isinstance(amount, str) or not _AMOUNT.fullmatch(amount):
        raise InvalidInput(
            f"{amount!r} is no amount.",
            field=field,
            remedy='Send a decimal string without sign or exponent, such as "19.80".',
        )
    minor = Decimal(amount).scaleb(digits)
    if minor != minor.to_integral_value():
        raise InvalidInput(
            f"{amount} has more decimals than {currency} has ({digits}).",
            field=field,
            remedy=f"Send at most {digits} digits after the point.",
        )
    if minor > MAX_MINOR:
        raise InvalidInput(f"{amount} {currency} is more than can be held.", field=field, remedy="Send less.")
    return int(minor)


def to_decimal(minor: int, currency: str) -> str:
    """The decimal string of minor units, with all of the currency's digits: 1980 GBP is `19.80`."""
    digits = exponent(currency)
    whole, rest = divmod(abs(minor), 10**digits)
    sign = "-" if minor < 0 else ""
    return f"{sign}{whole}.{rest:0{digits}d}" if digits else f"{sign}{whole}"
