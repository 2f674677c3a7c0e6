import shutil
import zipfile
from pathlib import Path

import pytest

from deploy.supply_chain.reproduce import build, build_elsewhere, differences
from deploy.supply_chain.sbom import SBOM
from tests.test_house_rules import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


def test_two_builds_are_equal_to_the_byte(wheel: Path, tmp_path: Path) -> None:
    assert list(differences(wheel, build_elsewhere(tmp_path))) == []


def test_the_wheel_carries_the_bill_of_materials(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(f"her2_crd-0.1.0.dist-info/sboms/{SBOM.name}") == SBOM.read_bytes()


def copied(wheel: Path, to: Path, *, drop: str = "", change: str = "", second: int = 0) -> Path:
    """The same wheel with one defect."""
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(to, "w") as new:
        for each in old.infolist():
            content = old.read(each)
            if each.filename == drop:
                continue
            if each.filename == change:
                content += b"\n"
            if second and each.filename == "service/app.py":
                each.date_time = (*each.date_time[:5], second)
            new.writestr(each, content)
    return to


@pytest.mark.parametrize(
    ("defect", "words"),
    [
        ({"drop": "service/app.py"}, "service/app.py is in one of them only"),
        ({"change": "service/app.py"}, "service/app.py has other content"),
        ({"second": 2}, "service/app.py has another time or mode"),
    ],
)
def test_a_difference_is_named(wheel: Path, tmp_path: Path, defect: dict[str, str | int], words: str) -> None:
    first = copied(wheel, tmp_path / "first.whl")
    second = copied(wheel, tmp_path / "second.whl", **defect)  # type: ignore[arg-type]
    assert words in list(differences(first, second))


def test_a_copy_is_no_difference(wheel: Path, tmp_path: Path) -> None:
    shutil.copy2(wheel, tmp_path / "copy.whl")
    assert list(differences(wheel, tmp_path / "copy.whl")) == []
