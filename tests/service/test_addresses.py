import socket
import threading
import time
from ipaddress import ip_address, ip_network

import pytest

from service.addresses import AddressRefused, Network, Reach, resolve
from tests.service.loopback import resolving

HOST = "ehr.example.org"
EVERYTHING: tuple[Network, ...] = (ip_network("0.0.0.0/0"), ip_network("::/0"))

PUBLIC = [
    *("1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0"),
    *("169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.88.98.255", "192.88.100.0"),
    *("192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "168.63.129.15"),
    *("168.63.129.17", "2001:200::", "2003::1", "2606:4700::1111", "2a00:1450::1", "3ffe:ffff::1"),
]
PRIVATE = [
    *("10.0.0.0", "10.0.0.1", "10.255.255.255", "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255"),
    *("100.64.0.0", "100.127.255.255", "fc00::1", "fd00::1", "fdff:ffff::1"),
    # Other special ones that an operator may route on purpose: test networks, NAT64, old site-local.
    *("192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.0", "198.19.255.255", "198.51.100.1", "203.0.113.1"),
    *("240.0.0.1", "255.255.255.254", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "fec0::1", "100::1", "5f00::1"),
    *("::7f00:1", "::ffff:0:7f00:1", "2001::1", "2001:1ff::", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "3fff::1"),
    *("4000::1", "1::1"),
]
LOOPBACK = ["127.0.0.1", "127.255.255.254", "::1"]
NEVER = [
    *("0.0.0.0", "0.255.255.255", "169.254.0.0", "169.254.169.254", "169.254.255.255", "224.0.0.1", "239.255.255.255"),  # noqa: S104
    *("255.255.255.255", "::", "fe80::1", "febf::1", "ff02::1", "fd00:ec2::254", "fd20:ce::254", "100.100.100.200"),
    *("192.0.0.192", "168.63.129.16"),
]


@pytest.mark.parametrize("text", PUBLIC)
def test_a_public_address_may_be_called(text: str) -> None:
    assert Reach().includes(ip_address(text))


@pytest.mark.parametrize("text", [*PRIVATE, *LOOPBACK, *NEVER])
def test_an_address_that_is_not_public_may_not_be_called(text: str) -> None:
    assert not Reach().includes(ip_address(text))


@pytest.mark.parametrize("text", [*PUBLIC, *PRIVATE, *LOOPBACK])
def test_an_address_in_a_network_of_the_client_may_be_called(text: str) -> None:
    assert Reach(EVERYTHING).includes(ip_address(text))


@pytest.mark.parametrize("text", NEVER)
def test_link_local_multicast_and_metadata_addresses_are_never_called(text: str) -> None:
    assert not Reach(EVERYTHING, loopback_allowed=True).includes(ip_address(text))


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("10.1.1.255", False),
        ("10.1.2.0", True),
        ("10.1.3.255", True),
        ("10.1.4.0", False),
        ("fd12:3455:ffff::1", False),
        ("fd12:3456::", True),
        ("fd12:3456:ffff::1", True),
        ("fd12:3457::", False),
        ("127.0.0.1", False),
    ],
)
def test_a_network_opens_its_own_addresses_only(text: str, inside: bool) -> None:
    networks = (ip_network("10.1.2.0/23"), ip_network("fd12:3456::/32"))
    assert Reach(networks).includes(ip_address(text)) is inside


@pytest.mark.parametrize("text", LOOPBACK)
def test_loopback_may_be_called_where_it_is_allowed(text: str) -> None:
    assert Reach(loopback_allowed=True).includes(ip_address(text))


def test_allowing_loopback_allows_no_other_private_address() -> None:
    assert not any(Reach(loopback_allowed=True).includes(ip_address(text)) for text in PRIVATE)


# The system's own resolver reads these without asking anybody.
@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1", "::1", "localhost"])
def test_every_spelling_of_this_machine_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        Reach().of(host, 443, 5)


@pytest.mark.parametrize(
    "host",
    ["::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:10.0.0.1", "0.0.0.0", "0", "169.254.1.1", "fd00::1"],  # noqa: S104
)
def test_every_spelling_of_an_inner_address_is_refused(host: str) -> None:
    with pytest.raises(AddressRefused):
        Reach().of(host, 443, 5)


def test_an_ipv4_address_in_ipv6_clothing_is_judged_and_called_as_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, ["::ffff:10.1.2.3", "::ffff:9.9.9.9"])
    assert Reach().of(HOST, 443, 5) == (ip_address("9.9.9.9"),)
    assert Reach((ip_network("10.0.0.0/8"),)).of(HOST, 443, 5)[0] == ip_address("10.1.2.3")


@pytest.mark.parametrize("answer", [[each] for each in (*PRIVATE, *LOOPBACK, *NEVER)])
def test_a_name_that_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch, answer: list[str]) -> None:
    resolving(monkeypatch, answer)
    with pytest.raises(AddressRefused):
        Reach().of(HOST, 443, 5)


def test_of_several_addresses_those_that_may_be_called_are_left_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = resolving(monkeypatch, ["10.0.0.1", "9.9.9.9", "fe80::1%1", "2606:4700::1111", "9.9.9.9"])
    assert [str(each) for each in Reach().of(HOST, 443, 5)] == ["9.9.9.9", "2606:4700::1111"]
    assert resolver.asked == [HOST]


def test_an_address_needs_no_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = resolving(monkeypatch, [])
    assert resolve("9.9.9.9", 443, 5) == (ip_address("9.9.9.9"),)
    assert resolve("2606:4700::1111", 443, 5) == (ip_address("2606:4700::1111"),)
    assert resolver.asked == []


def test_a_name_that_does_not_exist_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving(monkeypatch, [])
    with pytest.raises(socket.gaierror):
        resolve(HOST, 443, 5)


def test_what_is_no_name_is_an_error() -> None:
    with pytest.raises(UnicodeError):
        resolve("ehr..example.org", 443, 5)


def test_a_resolver_that_hangs_is_left_in_time_on_a_thread_that_nothing_waits_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving(monkeypatch, ["9.9.9.9"], seconds=1.0)
    start = time.monotonic()
    with pytest.raises(TimeoutError):
        resolve(HOST, 443, 0.1)
    assert time.monotonic() - start < 0.5
    hanging = [each for each in threading.enumerate() if each.name == "resolve"]
    assert [each.daemon for each in hanging] == [True]
    hanging[0].join()
