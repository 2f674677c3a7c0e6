from ipaddress import ip_address

import pytest

from service.base_url import BaseUrl


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("https://ehr.example.org/fhir", "https://ehr.example.org/fhir"),
        ("https://EHR.example.org:443/fhir/", "https://ehr.example.org/fhir"),
        ("http://127.0.0.1:8903/fhir", "http://127.0.0.1:8903/fhir"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_a_base_url_is_written_from_its_parts(text: str, written: str) -> None:
    assert str(BaseUrl.of(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ehr.example.org/fhir",
        "ftp://ehr.example.org",
        "file:///etc/passwd",
        "https://",
        "https://user:secret@ehr.example.org",
        "http://127.0.0.1\\@evil.example/",
        "http://127.0.0.1 .evil.example",
        "https://ehr.example.org/fhir?x=1",
        "https://ehr.example.org/fhir#x",
        "https://ehr.example.org:port",
        "https://ehr.example.org:99999",
        "https://ehr_example.org",
        "http://[::1",
        "http://[v1.fe80::a]/",
        "http://[fe80::1%25eth0]/",
        "https://ehr.example.org/fhir/../admin",
        "https://ehr.example.org/fhir/%2e%2e/admin",
        "https://ehr.example.org/fhir/./x",
        "https://ehr.example.org/fhir/..%2fadmin",
        "https://ehr.example.org/fhir/x%2F..%2F..%2Fadmin",
        "https://ehr.example.org/fhir/..%5cadmin",
        "https://ehr.example.org/fhir/..;/admin",
        "https://ehr.example.org/fhir/..;x=1/admin",
        "https://ehr.example.org/fhir/..%3b/admin",
        "https://exämple.org",
    ],
)
def test_what_two_parsers_could_read_differently_is_no_base_url(text: str) -> None:
    assert BaseUrl.of(text) is None


@pytest.mark.parametrize(
    ("url", "covered"),
    [
        ("https://ehr.example.org/fhir", True),
        ("https://ehr.example.org/fhir?_getpages=abc&x=a|b", True),
        ("https://ehr.example.org/fhir/Condition?page=2", True),
        ("https://ehr.example.org/fhirx/Condition", False),
        ("https://ehr.example.org/other", False),
        ("https://ehr.example.org/fhir/../other", False),
        ("https://ehr.example.org/fhir/%2E%2E/other", False),
        ("https://ehr.example.org/fhir/..%2fother", False),
        ("https://ehr.example.org/fhir/..%5Cother", False),
        ("https://ehr.example.org/fhir/..;/other", False),
        ("https://ehr.example.org/fhir/Binary/a%2Fb..;v=1.0", True),
        ("http://ehr.example.org/fhir/Condition", False),
        ("https://ehr.example.org:8443/fhir/Condition", False),
        ("https://evil.example/fhir/Condition", False),
        ("https://evil.example#@ehr.example.org/fhir", False),
    ],
)
def test_only_addresses_below_the_base_are_covered(url: str, covered: bool) -> None:
    base = BaseUrl.of("https://ehr.example.org/fhir")
    assert base is not None
    assert base.covers(url) is covered


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://10.0.0.1:8443/fhir", "10.0.0.1"),
        ("https://[fd00::1]/", "fd00::1"),
        ("https://[::ffff:127.0.0.1]/", "127.0.0.1"),
        ("https://ehr.example.org", None),
        ("https://10.0.0.1.example.org", None),
    ],
)
def test_a_literal_address_is_known_in_each_of_its_spellings(text: str, address: str | None) -> None:
    base = BaseUrl.of(text)
    assert base is not None
    assert base.address == (None if address is None else ip_address(address))


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("http://localhost:1", True),
        ("http://127.0.0.1", True),
        ("http://127.9.9.9", True),
        ("http://[::1]", True),
        ("http://localhost.evil.example", False),
        ("http://10.0.0.1", False),
        ("http://169.254.169.254", False),
        ("http://0.0.0.0", False),
        ("http://2130706433", False),
        ("http://127.1", False),
        ("http://0x7f000001", False),
    ],
)
def test_loopback_is_known_by_name_or_literal_address_only(text: str, loopback: bool) -> None:
    base = BaseUrl.of(text)
    assert base is not None
    assert base.is_loopback is loopback


def test_the_origin_of_a_server_is_the_server_without_a_path() -> None:
    base = BaseUrl.of("https://ehr.example.org:8443/fhir/r4")
    assert base is not None
    assert str(base.origin) == "https://ehr.example.org:8443"
