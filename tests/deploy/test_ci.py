"""What `.ci/run` requires is required by the tests, under names that the service does not mistake for settings."""

import re

from service.settings import read_settings
from tests.deploy.kubernetes.rendering import REQUIRED as KUSTOMIZE
from tests.service.storage.postgresql_server import REQUIRED as POSTGRES
from tests.test_house_rules import ROOT

TEXT = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_nothing_that_is_required_may_be_skipped() -> None:
    (line,) = re.findall(r"^export (TEST_.+)$", TEXT, flags=re.MULTILINE)
    required = dict(each.split("=") for each in line.split())
    assert required == {POSTGRES: "required", KUSTOMIZE: "required"}
    read_settings({"HER2_CRD_PROFILE": "development", **required})


def test_everything_that_is_shipped_is_checked() -> None:
    called = set(re.findall(r"^\s*make (.+)$", TEXT, flags=re.MULTILINE))
    targets = {word for line in called for word in line.split() if "=" not in word}
    assert targets >= {"test", "check", "licences", "image-lint", "reproducible", "rehearsal"}
