"""Patient -> the patient's birth date."""

from criteria.facts import Patient
from fhir_mappers.dates import date_range
from fhir_mappers.element import Origin


def map_patient(origin: Origin) -> Patient:
    """Return the patient; a birth date of the year or month alone is the range of days it may be."""
    return Patient(origin.source("birthDate"), date_range(origin, origin.resource, "birthDate"))
