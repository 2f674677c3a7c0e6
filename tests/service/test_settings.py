from pathlib import Path
from typing import Any

import pytest

from service.base_url import BaseUrl
from service.services import configured
from service.settings import Profile, Settings, SettingsError, read_settings
from tests.service.builders import development, shipped_data

DEVELOPMENT = {"HER2_CRD_PROFILE": "development"}


def test_development_has_defaults_for_everything() -> None:
    settings = read_settings(DEVELOPMENT | {"PATH": "/bin"})
    assert settings == Settings(
        profile=Profile.DEVELOPMENT,
        host="127.0.0.1",
        port=8080,
        public_url="http://127.0.0.1:8080",
        default_payer="oscar",
        dialect="2.2",
        fhir_servers=(),
        clients=None,
        protect_discovery=False,
        data=None,
        strict_orders=False,
        deadline_seconds=4.0,
        calls_per_client=8,
        max_body_bytes=2_000_000,
        real_time_authorization=True,
        not_met_is_review=frozenset(),
        cors_origins=(),
        database="sqlite:///her2-crd.sqlite3",
        workers=2,
        retain_inputs=True,
        retain_keys=None,
        operator_tokens=frozenset(),
        open_telemetry=False,
    )


def test_every_setting_is_read(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.touch()
    settings = read_settings(
        DEVELOPMENT
        | {
            "PORT": "9090",
            "HER2_CRD_HOST": "::1",
            "HER2_CRD_PUBLIC_URL": "https://crd.example.org/base/",
            "HER2_CRD_DEFAULT_PAYER": "mmm",
            "HER2_CRD_FHIR_SERVERS": "https://a.example/fhir, http://b.example:81",
            "HER2_CRD_DIALECT": "2.0",
            "HER2_CRD_DATA": str(tmp_path),
            "HER2_CRD_STRICT_ORDERS": "true",
            "HER2_CRD_DEADLINE_SECONDS": "2.5",
            "HER2_CRD_CALLS_PER_CLIENT": "2",
            "HER2_CRD_MAX_BODY_BYTES": "1000",
            "HER2_CRD_REAL_TIME_AUTHORIZATION": "off",
            "HER2_CRD_NOT_MET_IS_REVIEW": "mmm/a, mmm/b,",
            "HER2_CRD_CORS_ORIGINS": "https://app.example",
            "DATABASE_URL": "postgresql://crd:secret@db.example:5432/crd",
            "HER2_CRD_WORKERS": "4",
            "HER2_CRD_RETAIN_INPUTS": "on",
            "HER2_CRD_RETAIN_KEYS": str(keys),
            "HER2_CRD_OPERATOR_TOKENS": f"{'0' * 64}, {'a' * 64}",
            "HER2_CRD_OPEN_TELEMETRY": "on",
        }
    )
    assert settings == Settings(
        profile=Profile.DEVELOPMENT,
        host="::1",
        port=9090,
        public_url="https://crd.example.org/base",
        default_payer="mmm",
        fhir_servers=(BaseUrl("https", "a.example", 443, "/fhir"), BaseUrl("http", "b.example", 81, "")),
        dialect="2.0",
        data=tmp_path,
        strict_orders=True,
        deadline_seconds=2.5,
        calls_per_client=2,
        max_body_bytes=1000,
        real_time_authorization=False,
        not_met_is_review=frozenset({"mmm/a", "mmm/b"}),
        cors_origins=("https://app.example",),
        database="postgresql://crd:secret@db.example:5432/crd",
        workers=4,
        retain_inputs=True,
        retain_keys=keys,
        operator_tokens=frozenset({"0" * 64, "a" * 64}),
        open_telemetry=True,
    )


def test_the_port_is_part_of_the_default_public_url() -> None:
    assert read_settings(DEVELOPMENT | {"PORT": "9090"}).public_url == "http://127.0.0.1:9090"


def test_an_empty_default_payer_is_none() -> None:
    assert read_settings(DEVELOPMENT | {"HER2_CRD_DEFAULT_PAYER": ""}).default_payer is None


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    file = tmp_path / "clients.yaml"
    file.touch()
    return file


@pytest.mark.parametrize("environ", [{}, {"HER2_CRD_PROFILE": "production"}])
def test_production_does_not_start_without_a_registry_of_clients(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"HER2_CRD_CLIENTS: .*registry of clients"):
        read_settings(environ)


def test_production_starts_with_a_registry_and_an_https_address_and_assumes_no_payer(registry: Path) -> None:
    environ = {"HER2_CRD_CLIENTS": str(registry), "HER2_CRD_PUBLIC_URL": "https://crd.example.org"}
    settings = read_settings(environ)
    assert (settings.profile, settings.clients, settings.default_payer) == (Profile.PRODUCTION, registry, None)


@pytest.mark.parametrize("address", [{}, {"HER2_CRD_PUBLIC_URL": "http://crd.example.org"}])
def test_production_is_addressed_by_https_only(registry: Path, address: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="HER2_CRD_PUBLIC_URL"):
        read_settings({"HER2_CRD_CLIENTS": str(registry), **address})


def test_discovery_is_protected_only_where_tokens_can_be_checked(registry: Path) -> None:
    protect = {"HER2_CRD_PROTECT_DISCOVERY": "true"}
    assert read_settings(DEVELOPMENT | protect | {"HER2_CRD_CLIENTS": str(registry)}).protect_discovery
    with pytest.raises(SettingsError, match="HER2_CRD_PROTECT_DISCOVERY"):
        read_settings(DEVELOPMENT | protect)


def test_servers_for_anybody_and_a_registry_contradict_each_other(registry: Path) -> None:
    both = {"HER2_CRD_CLIENTS": str(registry), "HER2_CRD_FHIR_SERVERS": "https://ehr.example.org/fhir"}
    with pytest.raises(SettingsError, match="HER2_CRD_FHIR_SERVERS"):
        read_settings(DEVELOPMENT | both)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HER2_CRD_PROFIL", "development"),
        ("HER2_CRD_PROFILE", "test"),
        ("PORT", "http"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "٣"),
        ("PORT", ""),
        ("HER2_CRD_HOST", ""),
        ("HER2_CRD_HOST", "a b"),
        ("HER2_CRD_PUBLIC_URL", "crd.example.org"),
        ("HER2_CRD_FHIR_SERVERS", "https://user@a.example"),
        ("HER2_CRD_DATA", "/nowhere/at/all"),
        ("HER2_CRD_CLIENTS", "/nowhere/at/all.yaml"),
        ("HER2_CRD_DIALECT", "2.0.1"),
        ("HER2_CRD_PROTECT_DISCOVERY", "on"),
        ("HER2_CRD_STRICT_ORDERS", "yes"),
        ("HER2_CRD_DEADLINE_SECONDS", "0"),
        ("HER2_CRD_DEADLINE_SECONDS", "4.6"),
        ("HER2_CRD_DEADLINE_SECONDS", "nan"),
        ("HER2_CRD_DEADLINE_SECONDS", "soon"),
        ("HER2_CRD_CALLS_PER_CLIENT", "0"),
        ("HER2_CRD_MAX_BODY_BYTES", "0"),
        ("HER2_CRD_MAX_BODY_BYTES", "2MB"),
        ("HER2_CRD_REAL_TIME_AUTHORIZATION", "true"),
        ("HER2_CRD_CORS_ORIGINS", "https://app.example/path"),
        ("DATABASE_URL", "mysql://crd:secret@db.example/crd"),
        ("DATABASE_URL", ""),
        ("HER2_CRD_WORKERS", "0"),
        ("HER2_CRD_RETAIN_INPUTS", "true"),
        ("HER2_CRD_RETAIN_KEYS", "/nowhere/at/all"),
        ("HER2_CRD_OPERATOR_TOKENS", ""),
        ("HER2_CRD_OPERATOR_TOKENS", "a-token-in-clear"),
        ("HER2_CRD_OPERATOR_TOKENS", "A" * 64),
        ("HER2_CRD_OPEN_TELEMETRY", "yes"),
    ],
)
def test_an_impossible_setting_stops_the_start_and_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(DEVELOPMENT | {name: value})
    assert caught.value.name == name
    assert str(caught.value).startswith(f"{name}: ")
    assert "secret" not in str(caught.value)


def test_a_database_in_memory_is_for_one_process_in_development(registry: Path) -> None:
    memory = {"DATABASE_URL": "sqlite://"}
    with pytest.raises(SettingsError, match="HER2_CRD_WORKERS"):
        read_settings(DEVELOPMENT | memory)
    assert read_settings(DEVELOPMENT | memory | {"HER2_CRD_WORKERS": "1"}).is_in_memory
    production = {"HER2_CRD_CLIENTS": str(registry), "HER2_CRD_PUBLIC_URL": "https://crd.example.org"}
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        read_settings(production | memory)


def test_production_retains_inputs_encrypted_or_not_at_all(registry: Path) -> None:
    production = {"HER2_CRD_CLIENTS": str(registry), "HER2_CRD_PUBLIC_URL": "https://crd.example.org"}
    with pytest.raises(SettingsError, match="HER2_CRD_RETAIN_KEYS"):
        read_settings(production | {"HER2_CRD_RETAIN_INPUTS": "on"})


def test_settings_do_not_show_the_password_of_the_database() -> None:
    assert "secret" not in repr(read_settings(DEVELOPMENT | {"DATABASE_URL": "postgresql://crd:secret@db/crd"}))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"not_met_is_review": frozenset({"oscar/none"})}, "HER2_CRD_NOT_MET_IS_REVIEW"),
        ({"default_payer": "nobody"}, "HER2_CRD_DEFAULT_PAYER"),
    ],
)
def test_a_setting_that_names_what_is_not_loaded_stops_the_start(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        configured(shipped_data()[0], development(**changes))


def test_operators_switch_numbers_off_and_send_not_met_as_review() -> None:
    library = shipped_data()[0]
    settings = development(real_time_authorization=False, not_met_is_review=frozenset({"oscar/cg101"}))
    policies = configured(library, settings).policies
    assert policies.keys() == library.policies.keys()
    assert not any(policy.real_time_authorization for policy in policies.values())
    assert [policy.id for policy in policies.values() if policy.not_met_is_review] == ["oscar/cg101"]


def test_without_settings_the_policies_stay_as_they_were_loaded() -> None:
    library = shipped_data()[0]
    assert configured(library, development(default_payer=None)).policies == library.policies
