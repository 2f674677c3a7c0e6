"""What clients write where something else belongs: values of other languages, other systems and hasty hands."""

from typing import Any

CANARY = "Canary-Zebulon-4711"
"""Stands in texts that are made up here; no error may repeat it."""

RAW_NUMBERS = [b"1e400", b"-1e400", b"1e-400", b"1e999999999", b"9" * 400, b"123456789012345678901234567890.5", b"-0"]
NUMBERS = [0, -1, 0.1, 1e308, 2**31, 2**53 + 1, 2**63, -(2**63)]
NOT_NUMBERS = ["NaN", "Infinity", "-Infinity", "null", "true", "0x1F", "1,5", "1e5", "undefined", "[object Object]"]
LITERALS = [b"NaN", b"-Infinity", b"undefined", b"True", b"01", b"1.", b"'x'", b"{,}", b'{"a":1,}']
"""What other languages' printers put into JSON, which is none."""
WRONG_TYPES = [True, False, 7, 1.5, CANARY, [], {}, [CANARY], {"x": CANARY}, [[]], [None], {"": {}}, [{"value": 1}]]
EMPTY: list[Any] = ["", " ", [], {}, [None], [""], [{}]]
ODD_TEXTS = [
    f"{CANARY}\u0000",
    f"{CANARY}\r\nX-Header: 1",
    f"\u202e{CANARY}\u202c",
    f"{CANARY}\u2028\u2029\u0085",
    "\ufeff" + CANARY,
    "\uffff\ufffe",
    "\u0660\u0661\u0662",
    "e\u0301\u0323" * 20,
    "\U0001f980" * 30,
    "\u0130stanbul \u017fs \u212a",
    "{{context.patientId}}",
    "$where",
    "%s %(x)s {0} {x!r}",
    "../../etc/passwd",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "[x](javascript:alert(1)) | `y` **z**",
]
RAW_TEXTS = [b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b'"\xed\xa0\x80"', b'"\xff"', b'"\t"', b'"\\x41"']
REFERENCES = [
    "",
    "#",
    "#missing",
    "/",
    "Patient",
    "Patient/",
    "/p1",
    "Patient/somebody-else",
    "patient/p1",
    "Patient/p1/_history/2",
    "Patient/p1/Condition/c1",
    f"Unknown/{CANARY}",
    f"urn:uuid:{CANARY}",
    "urn:uuid:3f2c6f3a-4b86-4a58-9d0e-0b2f3f9e6a11",
    "https://elsewhere.example.org/fhir/Patient/p1",
    "http://127.0.0.1:9/fhir/Patient/p1?x=y",
    "http://[::1",
    f"Patient/{'x' * 65}",
    f"Patient/{CANARY} x",
    "Patient?identifier=1",
]
DATES = [
    "",
    "0000-00-00",
    "0000",
    "0001-01-01",
    "9999-12-31",
    "9999-12-31T23:59:59.999-14:00",
    "0001-01-01T00:00:00+14:00",
    "2026-02-29",
    "2026-13-01",
    "2026-1-1",
    "20260901",
    "01/09/2026",
    "2026-W10-1",
    "2026-09-01T",
    "2026-09-01T24:00:00Z",
    "2026-09-01T10:00:60Z",
    "2026-09-01T10:00:00",
    "2026-09-01T10:00:00+99:99",
    "2026-09-01 10:00:00Z",
    "2026-09-01T10:00:00.123456789123Z",
    "\u0662026-09-01",
    "-2026-09-01",
    "12026-09-01",
    "yesterday",
    f"2026-09-01{CANARY}",
]
TYPES = [
    "",
    "Bundle",
    "Patient",
    "Coverage",
    "Organization",
    "Condition",
    "Observation",
    "Medication",
    "MedicationRequest",
    "MedicationAdministration",
    "ServiceRequest",
    "NutritionOrder",
    "DeviceRequest",
    "Appointment",
    "Encounter",
    "OperationOutcome",
    "Parameters",
    "List",
    "DomainResource",
    "medicationrequest",
    CANARY,
]
CONTENT_TYPES = [
    None,
    "",
    "text/plain",
    "application/fhir+json",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=latin-1",
    "application/json; charset=utf-16",
    "application/json; charset=",
    'application/json; charset="utf-8"',
    "Application/JSON; charset=UTF-8",
    "application/json, application/json",
    f"application/json; charset={CANARY}",
    f"application/{CANARY}",
]
