"""The rehearsal's own judgement; `make rehearsal` runs it whole, which takes root and half a minute."""

import re
import sys
from pathlib import Path

import pytest

from deploy.image import rehearse
from deploy.image.dockerfile import read_dockerfile
from deploy.image.rehearse import Rehearsal, expect, main
from deploy.image.roots import Root


def test_what_is_not_as_expected_ends_the_rehearsal(capsys: pytest.CaptureFixture[str]) -> None:
    expect("status of an order", expected=200, seen=200)
    with pytest.raises(SystemExit, match="the rehearsal failed"):
        expect("status of an order", expected=200, seen=500)
    assert re.search("status of an order +expected 200 +seen 500", capsys.readouterr().out)


# In the namespace of everybody else a mount would stay, and would be seen.
def test_nothing_is_mounted_in_the_namespace_of_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["rehearse", str(Path("/proc/self/ns/mnt").readlink())])
    monkeypatch.setattr(rehearse, "rehearse", lambda _work: pytest.fail("it began"))
    with pytest.raises(SystemExit, match="namespace of its own"):
        main()


# Its contents are hidden by what is mounted on it.
def test_it_works_in_no_folder_that_it_needs() -> None:
    assert rehearse.working_folder(Path("/somewhere/else")) == Path("/var/tmp")  # noqa: S108
    assert rehearse.working_folder(Path("/var/tmp/checkout")) == Path("/mnt")  # noqa: S108
    with pytest.raises(SystemExit, match="no folder"):
        rehearse.working_folder(*(Path(each, "x") for each in ("/var/tmp", "/mnt", "/srv")))  # noqa: S108


@pytest.mark.parametrize("missing", ["USER", "ENTRYPOINT", "HEALTHCHECK"])
def test_an_image_that_does_not_say_how_it_runs_is_no_image(tmp_path: Path, missing: str) -> None:
    lines = ["FROM a", "USER 1:1", 'HEALTHCHECK CMD ["b"]', 'ENTRYPOINT ["c"]']
    text = "\n".join(line for line in lines if not line.startswith(missing))
    with pytest.raises(SystemExit, match="lacks"):
        Rehearsal(read_dockerfile(text).image, Root(tmp_path))


def test_a_command_runs_as_the_user_of_the_image_with_its_variables_alone(tmp_path: Path) -> None:
    command = Root(tmp_path, folder="/src").start(["her2-crd"], {"PORT": "8080"}, "10001:10001")
    assert command == [
        *("chroot", "--userspec=10001:10001", "--groups=", str(tmp_path)),
        *("env", "-i", "--chdir=/src", "PORT=8080", "her2-crd"),
    ]
