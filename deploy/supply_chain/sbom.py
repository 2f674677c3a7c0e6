"""The bill of materials (CycloneDX) of what runs: written from the lock by `make sbom`, shipped in the wheel (PEP 770).

It is a committed file, not made while the wheel is built. Licences can only be read where the locked packages are
installed, which a build environment need not do; the wheel takes the file as it is, so two builds cannot differ in it;
and a change of what runs is seen in review. A test and `.ci/run` write it anew and compare.

It holds no time, no random serial number and no address of a registry.
"""

import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseAcknowledgement
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.utils import NormalizedName, canonicalize_name

from deploy.supply_chain.licences import CHECKOUT, Declared, Rules, declared_licences, read_rules
from deploy.supply_chain.locks import Locked, read_lock

__all__ = ["SBOM", "bill_of_materials", "current", "written"]

SBOM = Path(__file__).with_name("her2-crd.cdx.json")


def bill_of_materials(
    project: Mapping[str, str],
    locked: Sequence[Locked],
    declared: Mapping[NormalizedName, Declared],
    rules: Rules,
) -> Bom:
    """Return what a project of this name, version and description runs; raise ValueError for a licence nobody knows."""
    root = Component(
        type=ComponentType.APPLICATION,
        name=project["name"],
        version=project["version"],
        description=project["description"],
        bom_ref=project["name"],
    )
    components = {each.name: _component(each, rules.licence(each, declared)) for each in locked}
    bom = Bom(components=components.values(), properties=[Property(name="cdx:reproducible", value="true")])
    bom.metadata.component = root
    owners = {canonicalize_name(project["name"]): root} | components
    for name, owner in owners.items():
        bom.register_dependency(owner, [components[each.name] for each in locked if name in each.wanted_by])
    return bom


def _component(locked: Locked, licence: str | None) -> Component:
    if licence is None:
        raise ValueError(f"the licence of {locked.name} is not known here")
    purl = PackageURL("pypi", name=locked.name, version=locked.version)
    # One of these files is what pip installs: which one depends on the machine. Where from is the installer's choice.
    files = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION,
        url=XsUri(str(purl)),
        comment="the files that the lock accepts",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in locked.hashes],
    )
    marker = [] if locked.marker is None else [Property(name="her2-crd:marker", value=str(locked.marker))]
    return Component(
        type=ComponentType.LIBRARY,
        name=locked.name,
        version=locked.version,
        purl=purl,
        bom_ref=str(purl),
        licenses=[LicenseFactory().make_from_string(licence, license_acknowledgement=LicenseAcknowledgement.DECLARED)],
        external_references=[files],
        properties=marker,
    )


def written(bom: Bom) -> str:
    """Return the text of the file; raise ValueError when it is no CycloneDX."""
    # Set by the library itself otherwise, and new every time.
    bom.serial_number = None  # type: ignore[assignment]
    bom.metadata.timestamp = None  # type: ignore[assignment]
    bom.metadata.tools.components.clear()
    text = JsonV1Dot6(bom).output_as_string(indent=1) + "\n"
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        raise ValueError(f"not CycloneDX 1.6: {error}")
    return text


def current() -> str:
    """Return what the file must hold for the lock and the packages of this environment."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    locked = read_lock(CHECKOUT / "requirements.txt")
    return written(bill_of_materials(project, locked, declared_licences(), read_rules()))


def main() -> int:
    """Write the file; with --check compare it, and return 1 when it differs."""
    text = current()
    if sys.argv[1:] == ["--check"]:
        if SBOM.read_text(encoding="utf-8") == text:
            print(f"{SBOM.name} is that of requirements.txt")
            return 0
        print(f"{SBOM.name} is not that of requirements.txt; write it with make sbom", file=sys.stderr)
        return 1
    SBOM.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
