import pytest
from eth_abi.abi import encode
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.hashing import from_hex, hex0x, keccak, word

ADDRESS = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "ab",
        "0xa",
        "0xgg",
        "0X00",
        " 0x00",
        "0x00 ",
        "0x 00",
        "0x00 11",
        "0x00\n",
        "0x٠٠",
        "0x-1",
        "x0",
        "0x0_0",
    ],
)
def test_from_hex_of_what_is_no_hex_is_refused(text):
    with pytest.raises(ValueError, match="hex digits"):
        from_hex(text)


@pytest.mark.parametrize("length", [0, 1, 3, 32])
def test_from_hex_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match="not 4"):
        from_hex("0x0011", length)


@pytest.mark.parametrize("value", [None, 1, b"0x00", ["0x00"]])
def test_from_hex_of_what_is_no_text_is_refused(value):
    with pytest.raises(ValueError, match="hex digits"):
        from_hex(value)


@given(st.binary(max_size=40))
def test_from_hex_reads_what_hex0x_writes(data):
    assert from_hex(hex0x(data), len(data)) == data
    assert from_hex(hex0x(data).upper().replace("X", "x")) == data


@pytest.mark.parametrize("value", [b"", bytes(31), bytes(33)])
def test_word_of_bytes_of_another_length_is_refused(value):
    with pytest.raises(ValueError, match="32 bytes"):
        word(value)


@pytest.mark.parametrize("value", [-1, 2**256])
def test_word_of_an_integer_out_of_range_is_refused(value):
    with pytest.raises(OverflowError):
        word(value)


@pytest.mark.parametrize("value", ["0x00", ADDRESS + "00", ADDRESS[2:], "vitalik.eth"])
def test_word_of_what_is_no_address_is_refused(value):
    with pytest.raises(ValueError, match="hex digits"):
        word(value)


@given(st.integers(0, 2**256 - 1))
def test_word_of_an_integer_is_its_abi_encoding(value):
    assert word(value) == encode(["uint256"], [value])


@pytest.mark.parametrize(
    ("kind", "value"), [("bool", True), ("bool", False), ("address", ADDRESS), ("bytes32", bytes(range(32)))]
)
def test_word_is_the_abi_encoding(kind, value):
    assert word(value) == encode([kind], [value])


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    ],
)
def test_keccak_is_keccak_and_not_sha3(data, digest):
    assert keccak(data).hex() == digest
