import pytest
from iso3166 import countries

from ledger_service.domain.countries import country_code, policy_code
from ledger_service.errors import InvalidInput


@pytest.mark.parametrize(
    "name", ["", " ", "Narnia", "EU", "XX", "Unspecified", "European Community", "Channel Islands", "276", "G B", "DEU"]
)
def test_country_code_of_no_single_country_is_refused(name):
    with pytest.raises(InvalidInput) as raised:
        country_code(name, field="Country")
    assert raised.value.field == "Country"
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("United Kingdom", "GB"),
        ("UK", "GB"),
        ("Great Britain", "GB"),
        ("EIRE", "IE"),
        ("Ireland", "IE"),
        ("RSA", "ZA"),
        ("South Africa", "ZA"),
        ("USA", "US"),
        ("Czech Republic", "CZ"),
        ("Czechia", "CZ"),
        ("Germany", "DE"),
        ("germany", "DE"),
        (" France ", "FR"),
        ("Hong Kong", "HK"),
        ("Guernsey", "GG"),
        ("Jersey", "JE"),
        ("pt", "PT"),
    ],
)
def test_country_code_is_that_of_iso_3166(name, code):
    assert country_code(name) == code


@pytest.mark.parametrize("country", list(countries), ids=lambda country: country.alpha2)
def test_country_code_knows_every_country_by_name_and_by_code(country):
    assert country_code(country.name) == country.alpha2
    assert country_code(country.apolitical_name) == country.alpha2
    assert country_code(country.alpha2.lower()) == country.alpha2


@pytest.mark.parametrize(
    ("country", "policy"),
    [
        ("GB", "uk-14"),
        ("IE", "eu-14"),
        ("NO", "eu-14"),
        ("US", "us-30"),
        ("BR", "br-7"),
        ("JP", "jp-defect"),
        ("CH", "default"),
    ],
)
def test_policy_code_is_that_of_the_country(country, policy):
    assert policy_code(country) == policy
