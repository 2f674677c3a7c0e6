"""What the Dockerfile promises, shown by reading it; hadolint has its say too."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.image.dockerfile import Dockerfile, DockerfileError, read_dockerfile
from service.settings import PREFIX, READERS

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
BUILD_TOOLS = re.compile(r"\b(apt-get|apt|apk|gcc|g\+\+|cc|make|build-essential|cargo|python3?-dev)\b")
NUMERIC_USER = re.compile(r"[1-9]\d*:[1-9]\d*")
TO_ALL_HOSTS = {"HER2_CRD_HOST": "0.0.0.0"}  # noqa: S104


def pip_installs(runs: list[str]) -> list[str]:
    return [part for run in runs for part in run.split("&&") if "-m pip " in part and " install " in part]


def complaints(dockerfile: Dockerfile) -> Iterator[str]:
    """What an image of this Dockerfile would lack."""
    runs = [each.text for stage in dockerfile.stages for each in stage.all("RUN")]
    for command in pip_installs(runs):
        locked = "--require-hashes" in command and "--only-binary=:all:" in command and "-r " in command
        ours = "--no-deps" in command and "--no-index" in command
        if not locked and not ours:
            yield f"unhashed: {command.strip()}"
    image = dockerfile.image
    if any(BUILD_TOOLS.search(run) for run in runs):
        yield "a stage has build tools"
    if pip_installs([each.text for each in image.all("RUN")]):
        yield "the image installs"
    if not any("pip uninstall" in each.text for each in image.all("RUN")):
        yield "the image keeps pip"
    if any("from" not in dict(each.flags) for each in image.all("COPY")):
        yield "the image holds sources"
    user = image.last("USER")
    if user is None or not NUMERIC_USER.fullmatch(user.text):
        yield "the user is root, or not a number"
    yield from _while_running(dockerfile)


def _while_running(dockerfile: Dockerfile) -> Iterator[str]:
    image = dockerfile.image
    health, stop, entry = image.last("HEALTHCHECK"), image.last("STOPSIGNAL"), image.last("ENTRYPOINT")
    if health is None or "/livez" not in health.text:
        yield "no health check on /livez"
    if stop is None or stop.text != "SIGTERM":
        yield "it is not stopped by SIGTERM"
    if entry is None or not entry.text.startswith("["):
        yield "a shell stands between the engine and the service"
    if image.all("VOLUME") or image.environment.get("PYTHONDONTWRITEBYTECODE") != "1":
        yield "it writes where it should not"
    if any(name.startswith(PREFIX) and name not in READERS for name in image.environment):
        yield "a setting is not known"
    if any(base.endswith(":latest") or ":" not in base for base in dockerfile.arguments.values()):
        yield "the base floats"


def test_the_image_is_as_promised() -> None:
    assert list(complaints(read_dockerfile(TEXT))) == []


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        (" --require-hashes --only-binary=:all: -r req", " -r req", "unhashed"),
        (" --no-deps --no-index /mnt", " /mnt", "unhashed"),
        ("RUN python -m venv", "RUN apt-get install gcc && python -m venv", "a stage has build tools"),
        ("uninstall --yes pip setuptools wheel", "--version", "the image keeps pip"),
        ("COPY --from=environment /opt/her2-crd /opt/her2-crd", "COPY . /opt/her2-crd", "the image holds sources"),
        ("USER 10001:10001", "USER 0:0", "the user is root"),
        ("USER 10001:10001", "USER her2crd", "the user is root, or not a number"),
        ("/livez", "/", "no health check"),
        ("STOPSIGNAL SIGTERM", "STOPSIGNAL SIGKILL", "it is not stopped by SIGTERM"),
        ('ENTRYPOINT ["her2-crd"]', "ENTRYPOINT her2-crd", "a shell stands"),
        ("PYTHONDONTWRITEBYTECODE=1", "PYTHONDONTWRITEBYTECODE=", "it writes where it should not"),
        ("HER2_CRD_HOST=", "HER2_CRD_HOSTS=", "a setting is not known"),
        ("python:3.11-slim-bookworm", "python:latest", "the base floats"),
    ],
)
def test_a_broken_promise_is_seen(before: str, after: str, complaint: str) -> None:
    assert before in TEXT
    assert any(complaint in each for each in complaints(read_dockerfile(TEXT.replace(before, after))))


def test_its_settings_are_such_as_the_service_reads() -> None:
    settings = {name: value for name, value in read_dockerfile(TEXT).image.environment.items() if name in READERS}
    read = {name: READERS[name][1](name, value) for name, value in settings.items()}
    assert read == {**TO_ALL_HOSTS, "PORT": 8080, "DATABASE_URL": "sqlite:////var/lib/her2-crd/her2-crd.sqlite3"}


def test_the_base_is_the_oldest_python_that_the_project_takes() -> None:
    assert 'requires-python = ">=3.11"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert read_dockerfile(TEXT).arguments["PYTHON"].startswith("python:3.11-slim-")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no FROM"),
        ("RUN true\nFROM a", "RUN before the first FROM"),
        ("FROM a\nADD b c", "ADD is not known"),
        ("FROM a as b", "FROM a as b"),
        ("FROM a\nRUN true \\\n", "the last line is continued"),
    ],
)
def test_what_the_reader_does_not_know_is_refused(text: str, words: str) -> None:
    with pytest.raises(DockerfileError, match=words):
        read_dockerfile(text)


def test_only_bind_mounts_are_known() -> None:
    (stage,) = read_dockerfile("FROM a\nRUN --mount=type=cache,target=/c true").stages
    with pytest.raises(DockerfileError, match="type=cache"):
        _ = stage.instructions[0].mounts


def test_an_instruction_is_read_with_its_flags_and_continuations() -> None:
    text = "FROM a AS b\nRUN --mount=type=bind,from=c,source=/s,target=/t \\\n  # why\n  cp x \\\n  y\n"
    (stage,) = read_dockerfile(text).stages
    (run,) = stage.all("RUN")
    (mount,) = run.mounts
    assert (stage.base, stage.name, run.words) == ("a", "b", ("cp", "x", "y"))
    assert (mount.stage, mount.source, mount.target) == ("c", "/s", "/t")


def hadolint(dockerfile: Path) -> "subprocess.CompletedProcess[str]":
    command = [str(Path(sys.executable).with_name("hadolint")), "--failure-threshold=style", str(dockerfile)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_hadolint_has_nothing_to_say() -> None:
    assert (said := hadolint(ROOT / "Dockerfile")).returncode == 0, said.stdout


def test_hadolint_sees_a_defect(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python:latest\nRUN cd / && pip install flask\n", encoding="utf-8")
    said = hadolint(tmp_path / "Dockerfile")
    assert said.returncode == 1
    assert "DL3007" in said.stdout
