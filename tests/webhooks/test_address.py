import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.webhooks.address import (
    RefusedAddressError,
    checked_addresses,
    is_public,
    system_lookup,
)

CLOSED_V4 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/29", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
]  # fmt: skip
CLOSED_V6 = [
    "::/128", "::1/128", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32",
    "2002::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "4000::/2", "8000::/1",
]  # fmt: skip
OPEN_V4 = ["1.1.1.0/24", "8.8.8.0/24", "93.184.0.0/16", "110.75.0.0/16", "203.205.0.0/16"]
OPEN_V6 = ["2001:4860::/32", "2400:3200::/32", "2606:4700::/32", "2a00:1450::/32"]


def within(networks: list[str]) -> st.SearchStrategy:
    return st.sampled_from(networks).flatmap(
        lambda text: st.ip_addresses(network=ipaddress.ip_network(text))
    )


def disguises(address: ipaddress.IPv4Address) -> list[str]:
    number = int(address)
    return [
        str(address),
        f"::ffff:{address}",
        str(ipaddress.IPv6Address((0x64FF9B << 96) | number)),
    ]


@given(within(CLOSED_V4))
def test_no_closed_ipv4_address_is_public_however_it_is_wrapped(address) -> None:
    assert not any(map(is_public, disguises(address)))
    assert not is_public(str(ipaddress.IPv6Address((0x2002 << 112) | (int(address) << 80) | 1)))


@given(within(CLOSED_V6))
def test_no_closed_ipv6_address_is_public(address) -> None:
    assert not is_public(str(address))
    assert not is_public(f"{address}%eth0")


@given(within(OPEN_V4))
def test_addresses_of_the_internet_are_public_also_through_nat64(address) -> None:
    assert all(map(is_public, disguises(address)))


@given(within(OPEN_V6))
def test_ipv6_addresses_of_the_internet_are_public(address) -> None:
    assert is_public(str(address))


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "0x7f.0.0.1", "1.2.3.4/8", "::g"])
def test_what_is_no_address_is_not_public(text: str) -> None:
    assert not is_public(text)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "0", "localhost",
     "::1", "::ffff:127.0.0.1", "::ffff:7f00:1"],
)  # fmt: skip
def test_loopback_is_refused_in_every_spelling_that_the_system_reads(host: str) -> None:
    with pytest.raises(RefusedAddressError, match="not public"):
        checked_addresses(host, 80, system_lookup, allow_private=False)
    assert checked_addresses(host, 80, system_lookup, allow_private=True)


def test_one_closed_address_among_open_ones_refuses_the_host() -> None:
    found = ["93.184.216.34", "2606:4700::1", "10.0.0.7"]
    with pytest.raises(RefusedAddressError, match=r"shop\.example has the address 10\.0\.0\.7"):
        checked_addresses("shop.example", 443, lambda *_: found, allow_private=False)
    assert checked_addresses("a", 443, lambda *_: found[:2], allow_private=False) == found[:2]
