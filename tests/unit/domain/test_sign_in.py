"""Sign-In with Ethereum: the examples of ERC-4361 are read, and whatever its grammar does not have is refused."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.sign_in import LONGEST, SignIn, read_sign_in, signer_of
from ledger_service.errors import InvalidInput

# The first example of the ERC; the other two differ in their first line.
EXAMPLE = """\
example.com wants you to sign in with your Ethereum account:
0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2

I accept the ExampleOrg Terms of Service: https://example.com/tos

URI: https://example.com/login
Version: 1
Chain ID: 1
Nonce: 32891756
Issued At: 2021-09-30T16:25:24Z
Resources:
- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/
- https://example.com/my-web2-claim.json"""
READ = SignIn(
    domain="example.com",
    address="0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
    uri="https://example.com/login",
    chain_id=1,
    nonce="32891756",
    issued_at="2021-09-30T16:25:24Z",
    statement="I accept the ExampleOrg Terms of Service: https://example.com/tos",
    resources=(
        "ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/",
        "https://example.com/my-web2-claim.json",
    ),
)
DATES = "\nExpiration Time: 2021-10-30T16:25:24.5Z\nNot Before: 2021-09-30T16:25:24+02:00\nRequest ID: a%20b"


def changed(old: str, new: str, text: str = EXAMPLE) -> str:
    assert old in text
    return text.replace(old, new, 1)


def test_example_of_the_standard_is_read_and_written() -> None:
    assert read_sign_in(EXAMPLE) == READ
    assert READ.text() == EXAMPLE


@pytest.mark.parametrize(
    ("first", "scheme", "domain"),
    [
        ("example.com:3388", None, "example.com:3388"),  # the second example
        ("https://example.com", "https", "example.com"),  # the third
        ("http://127.0.0.1:8000", "http", "127.0.0.1:8000"),
        ("test@[2001:db8::1]:80", None, "test@[2001:db8::1]:80"),
        ("%C3%A4.example", None, "%C3%A4.example"),
    ],
)
def test_first_line_is_read(first: str, scheme: str | None, domain: str) -> None:
    found = read_sign_in(changed("example.com", first))
    assert (found.scheme, found.domain) == (scheme, domain)


@pytest.mark.parametrize(
    "text",
    [
        changed("2021-09-30T16:25:24Z", f"2021-09-30T16:25:24Z{DATES}"),
        changed("2021-09-30T16:25:24Z", "2016-12-31T23:59:60Z"),
        changed(EXAMPLE[EXAMPLE.index("\nResources") :], ""),
        changed(EXAMPLE[EXAMPLE.index("\n- ipfs") :], ""),
        changed("I accept the ExampleOrg Terms of Service: https://example.com/tos\n", ""),
        changed("I accept the ExampleOrg Terms of Service: https://example.com/tos", ""),
        changed("I accept the ExampleOrg", "[::x] (2)"),
        changed("URI: https://example.com/login", "URI: did:key:z6Mk?a=/?#b/?"),
        changed("URI: https://example.com/login", "URI: https://[::1]:8/a//b"),
    ],
)
def test_what_the_grammar_has_is_read_and_written_alike(text: str) -> None:
    assert read_sign_in(text).text() == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        EXAMPLE + "\n",
        "\n" + EXAMPLE,
        EXAMPLE.replace("\n", "\r\n"),
        changed("example.com wants", " wants"),
        changed("example.com wants", "https:// wants"),
        changed("example.com wants", "#x wants"),
        changed("example.com wants", "a/b wants"),
        changed("example.com wants", "[::g] wants"),
        changed("example.com wants", "[1.2.3.4] wants"),
        changed("example.com wants", "exämple.com wants"),
        changed("example.com wants", "example.com Wants"),
        changed("0xC02a", "0xc02a"),
        changed("0xC02aaA39", "0XC02aaA39"),
        changed("0xC02aaA39", "C02aaA39"),
        changed("6Cc2\n", "6Cc\n"),
        changed("I accept", "Ich akzeptiere, daß"),
        changed("I accept", 'I "accept"'),
        changed("I accept", "I\taccept"),
        changed("https://example.com/tos\n", "https://example.com/tos\nand more\n"),
        changed("URI: https://example.com/login", "URI: example.com/login"),
        changed("URI: https://example.com/login", "URI: :no"),
        changed("URI: https://example.com/login", "URI: https://a b"),
        changed("URI: https://example.com/login", "URI: https://%zz"),
        changed("URI: ", "uri: "),
        changed("Version: 1", "Version: 2"),
        changed("Version: 1", "Version: 01"),
        changed("Version: 1\n", ""),
        changed("Chain ID: 1", "Chain ID: "),
        changed("Chain ID: 1", "Chain ID: 0x1"),
        changed("Chain ID: 1", "Chain ID: ١"),
        changed("Chain ID: 1", "Chain ID: -1"),
        changed("Nonce: 32891756", "Nonce: 3289175"),
        changed("Nonce: 32891756", "Nonce: 3289175-6"),
        changed("Nonce: 32891756\n", ""),
        changed("2021-09-30T16:25:24Z", "2021-09-31T16:25:24Z"),
        changed("2021-09-30T16:25:24Z", "2021-09-30T25:25:24Z"),
        changed("2021-09-30T16:25:24Z", "2021-09-30 16:25:24Z"),
        changed("2021-09-30T16:25:24Z", "2021-09-30T16:25:24"),
        changed("2021-09-30T16:25:24Z", "2021-09-30T16:25:24+24:00"),
        changed("2021-09-30T16:25:24Z", "2021-W39-4T16:25:24Z"),
        changed(
            "\nResources:", "\nNot Before: 2021-09-30T16:25:24Z\nExpiration Time: 2021-09-30T16:25:24Z\nResources:"
        ),
        changed("\nResources:", "\nExpiration Time: soon\nResources:"),
        changed("\nResources:", "\nRequest ID: a/b\nResources:"),
        changed("- ipfs:", "* ipfs:"),
        changed("- ipfs://", "- "),
        changed("claim.json", "claim.json - https://example.com"),
        changed("https://example.com/tos", "x" * LONGEST),
    ],
)
def test_what_the_grammar_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_sign_in(text)
    assert caught.value.field == "message"


@given(st.integers(0, len(EXAMPLE)), st.sampled_from([*string.printable, "", "é", "\0", "\n\n", "0", "%"]))
def test_what_is_read_is_written_alike(place: int, put: str) -> None:
    """Whatever is changed in one place: either it is refused, or it comes back byte for byte."""
    text = EXAMPLE[:place] + put + EXAMPLE[place + 1 :]
    try:
        found = read_sign_in(text)
    except InvalidInput:
        return
    assert found.text() == text


@pytest.mark.parametrize("signature", [b"", bytes(65), bytes(64) + b"\x1b", b"\xff" * 65, bytes(66)])
def test_what_is_no_signature_names_nobody(signature: bytes) -> None:
    assert signer_of(EXAMPLE, signature) is None


def test_signature_is_what_wallets_make() -> None:
    """Made by eth_account, which is not ours; the recovery id counts from 27 or from 0."""
    from eth_account import Account
    from eth_account.messages import encode_defunct

    key = "0x" + "46" * 32
    signed = Account.sign_message(encode_defunct(text=EXAMPLE), key)
    address = Account.from_key(key).address
    assert signer_of(EXAMPLE, signed.signature) == address
    assert signer_of(EXAMPLE, signed.signature[:64] + bytes([signed.signature[64] - 27])) == address
    assert signer_of(EXAMPLE + " ", signed.signature) != address
