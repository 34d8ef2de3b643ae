"""Keystores: ours and eth-account's open each other's, and nothing else opens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eth_account import Account

from ledger_service.errors import IntegrityFailure
from ledger_service.keystore import LocalSigner, decrypt_key, encrypt_key, new_key, read_or_create_signer

PASSWORD = bytes(range(32))


def test_keystore_is_opened_by_another_implementation() -> None:
    key = new_key()
    assert bytes(Account.decrypt(encrypt_key(key, PASSWORD), PASSWORD.hex())) == key.secret


def test_keystore_of_another_implementation_is_opened() -> None:
    key = new_key()
    theirs = json.dumps(Account.encrypt(key.secret, PASSWORD.hex(), kdf="pbkdf2", iterations=3))
    assert decrypt_key(theirs, PASSWORD).secret == key.secret


def test_open_keystore_with_another_password_is_refused() -> None:
    with pytest.raises(IntegrityFailure):
        decrypt_key(encrypt_key(new_key(), PASSWORD), bytes(32))


@pytest.mark.parametrize("name", ["ciphertext", "mac"])
def test_open_keystore_that_was_changed_is_refused(name: str) -> None:
    keystore = json.loads(encrypt_key(new_key(), PASSWORD))
    first = keystore["crypto"][name][0]
    keystore["crypto"][name] = ("0" if first != "0" else "1") + keystore["crypto"][name][1:]
    with pytest.raises(IntegrityFailure):
        decrypt_key(json.dumps(keystore), PASSWORD)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"crypto": 1}', "null"])
def test_open_text_that_is_no_keystore_is_refused(text: str) -> None:
    with pytest.raises(IntegrityFailure):
        decrypt_key(text, PASSWORD)


def test_signer_of_a_file_stays_the_same_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "writer.json"
    first = read_or_create_signer(path, PASSWORD)
    assert read_or_create_signer(path, PASSWORD).address == first.address
    assert path.stat().st_mode & 0o077 == 0


def test_signer_shows_its_address_and_not_its_key() -> None:
    key = new_key()
    shown = repr(LocalSigner(key))
    assert LocalSigner(key).address in shown
    assert key.to_hex() not in shown
