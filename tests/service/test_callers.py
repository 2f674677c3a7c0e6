import pytest

from service.callers import Caller, anybody
from service.settings import Profile
from tests.service.builders import BASE, development


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://ehr.example.org/fhir", True),
        ("https://ehr.example.org/fhir/", True),
        ("https://ehr.example.org/other", False),
        ("https://evil.example/fhir", False),
        ("http://169.254.169.254/latest", False),
        ("not a url", False),
    ],
)
@pytest.mark.parametrize("loopback", [True, False])
def test_only_listed_fhir_servers_are_called(loopback: bool, url: str, allowed: bool) -> None:
    caller = Caller(fhir_servers=(BASE,), loopback=loopback)
    assert (caller.fhir_base(url) is not None) is allowed


@pytest.mark.parametrize(("profile", "allowed"), [(Profile.DEVELOPMENT, True), (Profile.PRODUCTION, False)])
def test_a_fhir_server_on_loopback_is_called_in_development_only(profile: Profile, allowed: bool) -> None:
    caller = anybody(development(profile=profile))
    assert (caller.fhir_base("http://127.0.0.1:8903/fhir") is not None) is allowed


def test_anybody_gets_what_the_settings_say() -> None:
    caller = anybody(development(default_payer="mmm", dialect="2.0"))
    assert (caller.client, caller.default_payer, caller.dialect.name) == (None, "mmm", "2.0")
    assert caller.fhir_servers == (BASE,)
