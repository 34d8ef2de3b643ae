import pytest
from coincurve import PrivateKey
from eth_keys.datatypes import PrivateKey as OtherKey
from eth_keys.datatypes import Signature
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.hashing import keccak
from ledger_service.domain.signatures import address_of, recover_signer, sign_digest

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
KEY = PrivateKey(b"\x00" * 31 + b"\x01")
ADDRESS = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"  # of the private key 1, as every wallet shows it
DIGEST = keccak(b"a digest")
SIGNATURE = sign_digest(KEY, DIGEST)
SECRETS = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))
DIGESTS = st.binary(min_size=32, max_size=32)


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


@pytest.mark.parametrize("v", [0, 1, 2, 26, 29, 30, 35, 255])
def test_recover_signer_with_another_v_answers_none(v):
    assert recover_signer(DIGEST, SIGNATURE[:64] + bytes([v])) is None


@pytest.mark.parametrize("length", [0, 1, 64, 66, 130])
def test_recover_signer_of_another_length_answers_none(length):
    assert recover_signer(DIGEST, (SIGNATURE * 2)[:length]) is None


def test_recover_signer_of_the_mirrored_signature_answers_none():
    s = ORDER - int.from_bytes(SIGNATURE[32:64], "big")
    mirrored = SIGNATURE[:32] + word(s) + bytes([55 - SIGNATURE[64]])  # 27 and 28 change places
    assert recover_signer(DIGEST, mirrored) is None


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (0, 0), (ORDER, 1), (1, ORDER), (2**256 - 1, 1), (5, 1)], ids=str)
def test_recover_signer_of_numbers_that_are_no_signature_answers_none_or_a_stranger(r, s):
    for v in (27, 28):
        assert recover_signer(DIGEST, word(r) + word(s) + bytes([v])) != ADDRESS


@pytest.mark.parametrize("s", [ORDER // 2 + 1, ORDER - 1])
def test_recover_signer_above_half_the_order_answers_none(s):
    assert recover_signer(DIGEST, SIGNATURE[:32] + word(s) + SIGNATURE[64:]) is None


@pytest.mark.parametrize("bit", range(65 * 8))
def test_recover_signer_of_a_signature_with_one_bit_changed_is_not_the_signer(bit):
    changed = bytearray(SIGNATURE)
    changed[bit // 8] ^= 1 << (bit % 8)
    assert recover_signer(DIGEST, bytes(changed)) != ADDRESS


@pytest.mark.parametrize("bit", range(0, 256, 5))
def test_recover_signer_of_a_digest_with_one_bit_changed_is_not_the_signer(bit):
    changed = bytearray(DIGEST)
    changed[bit // 8] ^= 1 << (bit % 8)
    assert recover_signer(bytes(changed), SIGNATURE) != ADDRESS


def test_address_is_the_one_that_wallets_show():
    assert address_of(KEY.public_key) == ADDRESS


def test_signing_twice_gives_the_same_signature():
    assert sign_digest(KEY, DIGEST) == SIGNATURE


@given(SECRETS, DIGESTS)
def test_recover_signer_finds_who_signed(secret, digest):
    key = PrivateKey(secret)
    signature = sign_digest(key, digest)
    assert recover_signer(digest, signature) == address_of(key.public_key)
    assert int.from_bytes(signature[32:64], "big") <= ORDER // 2


@given(SECRETS, DIGESTS)
def test_another_implementation_recovers_the_same_signer(secret, digest):
    signature = sign_digest(PrivateKey(secret), digest)
    other = Signature(signature[:64] + bytes([signature[64] - 27])).recover_public_key_from_msg_hash(digest)
    assert other.to_checksum_address() == recover_signer(digest, signature)
    assert OtherKey(secret).public_key.to_checksum_address() == recover_signer(digest, signature)
