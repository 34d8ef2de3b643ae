"""Our signing of transactions against another implementation (eth-account)."""

from __future__ import annotations

import pytest
from coincurve import PrivateKey
from eth_account import Account
from web3.utils import get_create_address

from ledger_service.chain.rpc import Block
from ledger_service.chain.transactions import contract_address, gas_price, intrinsic_gas, raise_price, sign_transaction
from ledger_service.keystore import LocalSigner, new_key

_KEY = bytes(range(1, 33))
_TO = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


@pytest.mark.parametrize("nonce", [0, 1, 127, 128, 70_000])
@pytest.mark.parametrize("data", [b"", b"\x00", b"\x7f", b"\x80", bytes(55), bytes(56), bytes(70_000)])
@pytest.mark.parametrize("to", [_TO, None])
def test_sign_transaction_makes_the_bytes_that_another_library_makes(nonce: int, data: bytes, to: str | None) -> None:
    ours = sign_transaction(
        LocalSigner(PrivateKey(_KEY)), chain_id=31337, nonce=nonce, gas_price=10**9, gas=500_000, to=to, data=data
    )
    body = {"nonce": nonce, "gasPrice": 10**9, "gas": 500_000, "value": 0, "data": data, "chainId": 31337}
    theirs = Account.from_key(_KEY).sign_transaction(body | ({"to": to} if to else {}))
    assert ours.raw == bytes(theirs.raw_transaction)
    assert ours.hash == theirs.hash.to_0x_hex()
    assert Account.recover_transaction(ours.raw) == Account.from_key(_KEY).address


@pytest.mark.parametrize("nonce", [0, 1, 200, 2**40])
def test_contract_address_is_what_another_library_says(nonce: int) -> None:
    assert contract_address(_TO, nonce) == get_create_address(_TO, nonce)


def test_intrinsic_gas_counts_zeros_and_others() -> None:
    assert intrinsic_gas(b"\x00\x01\x00") == 21_000 + 4 + 16 + 4


@pytest.mark.parametrize(("suggested", "base_fee", "price"), [(2_000, 0, 2_000), (2_000, 5_000, 10_000), (0, 0, 1)])
def test_gas_price_is_the_suggestion_or_above_the_base_fee(suggested: int, base_fee: int, price: int) -> None:
    assert gas_price(suggested, Block(1, "0x", "0x", 0, 0, base_fee)) == price


def test_gas_price_does_not_climb_where_nodes_suggest_what_was_paid() -> None:
    paid = 2_000
    for _ in range(100):
        paid = gas_price(paid, Block(1, "0x", "0x", 0, 0, 7))
    assert paid == 2_000


@pytest.mark.parametrize("length", [0, 1, 55, 56, 300, 70_000])
def test_a_higher_price_changes_nothing_else(length: int) -> None:
    signer, data = LocalSigner(new_key()), b"\x05" * length
    values = {"chain_id": 1337, "nonce": 300, "gas": 5_000_000, "to": "0x" + "11" * 20, "data": data, "value": 7}
    first = sign_transaction(signer, gas_price=10, **values)  # type: ignore[arg-type]
    wanted = sign_transaction(signer, gas_price=12, **values)  # type: ignore[arg-type]
    assert raise_price(signer, first.raw, 12, 1337) == wanted
