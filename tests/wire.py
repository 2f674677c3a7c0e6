"""Reading what the service sends, as a client would."""

from typing import Any

COVERAGE_INFORMATION = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"


def coverage_information(resource: dict[str, Any]) -> dict[str, Any]:
    """The members of a resource's only coverage information by name; of a value the value itself."""
    (found,) = [each for each in resource["extension"] if each["url"] == COVERAGE_INFORMATION]
    return {each["url"]: _value(each) for each in found["extension"]}


def _value(member: dict[str, Any]) -> Any:
    values = [value for key, value in member.items() if key.startswith("value")]
    return values[0] if values else member["extension"]
