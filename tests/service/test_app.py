import gc
import logging
from pathlib import Path

import pytest

from criteria.errors import LibraryError
from service import app as app_module
from service.app import create_app
from service.clock import SystemClock
from service.fhir_client import FhirClient
from service.logs import LOGGER
from service.services import data_folders, load_data
from service.settings import Profile, SettingsError
from tests.service.builders import RecordingAnswer, development, logged, request_body, shipped_data


def test_without_settings_production_is_meant_and_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HER2_CRD_PROFILE", raising=False)
    with pytest.raises(SettingsError, match="HER2_CRD_CLIENTS"):
        create_app(answer_hook=RecordingAnswer())


def test_what_is_not_handed_in_is_the_real_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: list[bool] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(True))
    monkeypatch.setattr(gc, "set_threshold", lambda *_numbers: None)
    monkeypatch.setenv("HER2_CRD_PROFILE", "development")
    monkeypatch.setenv("DATABASE_URL", "sqlite://")
    monkeypatch.setenv("HER2_CRD_WORKERS", "1")
    clients: list[bool] = []

    def open_client(*, loopback_allowed: bool) -> FhirClient:
        clients.append(loopback_allowed)
        return FhirClient(loopback_allowed=loopback_allowed)

    monkeypatch.setattr(app_module, "FhirClient", open_client)
    monkeypatch.setenv("DATABASE_URL", "sqlite://")
    monkeypatch.setenv("HER2_CRD_WORKERS", "1")
    answer = RecordingAnswer()
    with logged():
        client = create_app(answer_hook=answer).test_client()
        assert client.post("/cds-services/her2-order-sign", json=request_body()).status_code == 200
        assert isinstance(LOGGER.handlers[0], logging.StreamHandler)
    services = answer.calls[0][2]
    assert isinstance(services.clock, SystemClock)
    assert services.library.policies.keys() == shipped_data()[0].policies.keys()
    assert services.links.base_url == services.settings.public_url
    assert clients == [True]
    assert frozen == [True]


def test_the_operators_folder_is_loaded_besides_ours(tmp_path: Path) -> None:
    settings = development(data=tmp_path)
    assert len(data_folders(settings)) == 2
    library, _ = load_data(settings)
    assert library.policies.keys() == shipped_data()[0].policies.keys()


def test_a_mistake_in_the_operators_folder_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "value_sets").mkdir()
    (tmp_path / "value_sets" / "drgs.yaml").write_text("drugs: []\n")
    with pytest.raises(LibraryError, match="drgs"):
        create_app(development(data=tmp_path), answer_hook=RecordingAnswer())


def test_flask_sorts_no_members() -> None:
    app = create_app(development(), shipped_data(), answer_hook=RecordingAnswer())
    with app.app_context():
        assert app.json.dumps({"z": 1, "a": 2}) == '{"z":1,"a":2}'


@pytest.mark.parametrize("profile", Profile)
def test_nothing_in_the_environment_switches_debugging_on(monkeypatch: pytest.MonkeyPatch, profile: Profile) -> None:
    for name in ("FLASK_DEBUG", "FLASK_TESTING", "FLASK_ENV"):
        monkeypatch.setenv(name, "1")
    app = create_app(development(profile=profile), shipped_data(), answer_hook=RecordingAnswer(error=KeyError("x")))
    assert (app.debug, app.testing) == (False, False)
    with logged():
        response = app.test_client().post("/cds-services/her2-order-sign", json=request_body())
    assert response.status_code == 500
    assert "KeyError" not in response.text
