"""Countries: ISO 3166 codes of the names that people write, and the policy of each."""

from __future__ import annotations

from iso3166 import countries_by_alpha2, countries_by_apolitical_name, countries_by_name

from ..errors import InvalidInput

# Names in use that ISO 3166 does not have.
_ALIASES = {
    "CZECH REPUBLIC": "CZ",
    "EIRE": "IE",
    "GREAT BRITAIN": "GB",
    "RSA": "ZA",
    "UK": "GB",
    "UNITED KINGDOM": "GB",
    "USA": "US",
}
# Names that stand for no single country, and what to write instead.
_NOT_ONE = {
    "CHANNEL ISLANDS": "Write Guernsey or Jersey.",
    "EUROPEAN COMMUNITY": "Write the member state.",
    "UNSPECIFIED": "Write the country of the consumer.",
}
_EEA = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IS IE IT LV LI LT LU MT NL NO PL PT RO SK SI ES SE"
_POLICIES = {**dict.fromkeys(_EEA.split(), "eu-14"), "GB": "uk-14", "US": "us-30", "BR": "br-7", "JP": "jp-defect"}


def country_code(name: str, *, field: str = "country") -> str:
    """The ISO 3166-1 alpha-2 code of a name, in any case, or of a code. Raises InvalidInput for no single country."""
    key = name.strip().upper()
    if key in countries_by_alpha2:
        return key
    if key in _ALIASES:
        return _ALIASES[key]
    if key in _NOT_ONE:
        raise InvalidInput(f"{name!r} is no single country.", field=field, remedy=_NOT_ONE[key])
    found = countries_by_name.get(key) or countries_by_apolitical_name.get(key)
    if found is None:
        raise InvalidInput(
            f"{name!r} is no country that ISO 3166 knows.",
            field=field,
            remedy="Write its English name or two-letter code.",
        )
    return str(found.alpha2)


def policy_code(country: str) -> str:
    """The policy of an ISO 3166-1 alpha-2 code where the seller names none; cash on delivery has one of its own."""
    return _POLICIES.get(country, "default")
