"""Curative surgery, which splits therapy of early disease into neoadjuvant and adjuvant (readings section 4.2)."""

from criteria.facts import Case, Procedure
from criteria.oncology.courses import Course


def surgery_of(case: Case) -> Procedure | None:
    """Return the last curative breast operation on record."""
    found = [each for each in case.record.procedures if "breast-surgery" in each.concepts]
    return max(found, key=lambda each: (str(each.when or ""), each.source.reference)) if found else None


def is_adjuvant(course: Course, surgery: Procedure | None) -> bool:
    """Say whether a course surely went on after surgery, or was given with adjuvant intent."""
    if any(each.intent == "adjuvant" for each in course.exposures):
        return True
    last = course.end or course.start
    if surgery is None or surgery.when is None or last is None:
        return False
    return last.earliest > surgery.when.latest
