"""Where webhooks may go: the internet, and nothing behind it."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pytest

from ledger_service.domain.public_addresses import Address, is_public, read_target
from ledger_service.errors import InvalidInput
from ledger_service.webhook_sending import WebhookSender, allowed_addresses

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]
PRIVATE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",  # shared by a carrier's customers
    "100.127.255.254",
    "127.0.0.1",
    "127.8.8.8",
    "168.63.129.16",  # Azure's own
    "169.254.169.254",  # metadata of most clouds
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.192",  # Oracle's metadata
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "100.100.100.200",  # Alibaba's metadata
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::1",
    "2002:a00:1::",  # 6to4 of 10.0.0.1
    "2002:7f00:1::1",
    "2001::1",  # Teredo
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",  # metadata over IPv6
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "100::1",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_public_address(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PRIVATE)
def test_address_that_is_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://shop.example", "shop.example", "/"),
        ("https://Shop.Example./hook?a=1", "shop.example", "/hook?a=1"),
        ("https://shop.example:8443/", "shop.example:8443", "/"),
        ("https://[2606:4700:4700::1111]:443/x", "[2606:4700:4700::1111]", "/x"),
        ("https://93.184.216.34/", "93.184.216.34", "/"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", "/"),
    ],
)
def test_read_target(url: str, authority: str, path: str) -> None:
    target = read_target(url)
    assert (target.authority, target.path) == (authority, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example",
        "http://shop.example/",
        "ftp://shop.example/",
        "file:///etc/passwd",
        "gopher://shop.example/",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://user@shop.example/",
        "https://user:pass@shop.example/",
        "https://shop.example@10.0.0.1/",
        "https://shop.example/#part",
        "https://shop.example#@evil.example/",
        "https://shop.example:99999/",
        "https://shop.example:x/",
        "https://shop.example:22/",
        "https://shop.example:25/",
        "https://shop.example:6379/",
        "https://shop.example:0/",
        "https://localhost/",
        "https://intranet/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.0.0.0x1/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://shop..example/",
        "https://-shop.example/",
        "https://shop.example\\@10.0.0.1/",
        "https://shop.example/ x",
        "https://shop.example/\r\nX: y",
        "https://shop.example/\x00",
        "https://shöp.example/",
        "https://①②⑦.⓪.⓪.①/",
        "https://shop.example/" + "a" * 2_000,
    ],
)
def test_what_is_no_target(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_target(url)
    assert refused.value.field == "url"
    assert refused.value.remedy


def test_private_targets_where_they_are_allowed() -> None:
    assert read_target("http://localhost:9/x", private=True).authority == "localhost:9"
    with pytest.raises(InvalidInput):
        read_target("http://user@localhost/", private=True)


@pytest.mark.parametrize("text", PRIVATE)
def test_name_that_leads_inside_is_refused(text: str) -> None:
    """One private address among public ones is enough: nobody can say which of them would be taken."""

    def look_up(_host: str) -> Sequence[Address]:
        return [ipaddress.ip_address("93.184.216.34"), ipaddress.ip_address(text)]

    target = read_target("https://shop.example/")
    with pytest.raises(InvalidInput):
        allowed_addresses(target, private=False, look_up=look_up)
    assert len(allowed_addresses(target, private=True, look_up=look_up)) == 2
    assert WebhookSender(private=False, look_up=look_up).post("https://shop.example/", {}, "{}").error == (
        "address_refused"
    )


@pytest.mark.parametrize("text", PRIVATE)
def test_private_address_written_out_is_refused_without_a_look_up(text: str) -> None:
    def look_up(_host: str) -> Sequence[Address]:
        raise AssertionError("nobody looks up an address")

    host = f"[{text}]" if ":" in text else text
    assert WebhookSender(private=False, look_up=look_up).post(f"https://{host}/", {}, "{}").error == "address_refused"


def test_name_without_an_address_is_refused() -> None:
    def look_up(_host: str) -> Sequence[Address]:
        raise OSError("no such name")

    with pytest.raises(InvalidInput, match="no address"):
        allowed_addresses(read_target("https://shop.example/"), private=False, look_up=look_up)
