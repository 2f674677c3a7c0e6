"""FHIR R4 conformance of the resources at our boundary, judged by fhir.resources and a second look of our own.

The only importer of fhir.resources. Its subpackage R4B has the element tables of R4 4.0.1 for every type used
here. What its models accept and FHIR does not (a number as text, a date as number, a status outside its required
binding, an empty list) is found by walking the resource along the models' own element tables.
No message holds a value of the resource.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from types import MappingProxyType
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from fhir.resources.R4B.communicationrequest import CommunicationRequest
from fhir.resources.R4B.coverage import Coverage
from fhir.resources.R4B.devicerequest import DeviceRequest
from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.nutritionorder import NutritionOrder
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.questionnaire import Questionnaire
from fhir.resources.R4B.servicerequest import ServiceRequest
from fhir.resources.R4B.visionprescription import VisionPrescription
from pydantic import BaseModel, ValidationError

from fhir_mappers.element import FHIR_ID
from fhir_mappers.plain_r4 import Check, PlainShape, plain_code, plain_list, plain_primitive

MODELS: Mapping[str, type[BaseModel]] = MappingProxyType(
    {
        model.__name__: model
        for model in (
            CommunicationRequest,
            Coverage,
            DeviceRequest,
            MedicationRequest,
            NutritionOrder,
            OperationOutcome,
            Questionnaire,
            ServiceRequest,
            VisionPrescription,
        )
    }
)

# Codes of required bindings whose list the models leave out or cut short (FHIR R4 4.0.1).
_CODES: Mapping[tuple[str, str], frozenset[str]] = MappingProxyType(
    {
        ("Quantity", "comparator"): frozenset({"<", "<=", ">=", ">"}),
        ("QuestionnaireItem", "type"): frozenset(
            {"group", "display", "choice", "open-choice", "attachment", "reference", "quantity", "string", "text"}
            | {"url", "boolean", "decimal", "integer", "date", "dateTime", "time"}
        ),
    }
)
_MEMBER = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}\Z")
# Steps of a location that are the models' own names: of the object as a whole, of the member resourceType.
_OWN_NAMES = MappingProxyType({"root": "", "resource_type": ".resourceType"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One defect: element path ("MedicationRequest.status"), words without values, FHIR issue-type code."""

    path: str
    message: str
    code: str


def validate(resource: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Return the defects of one resource, none when it conforms; never raises on any parsed JSON."""
    kind = resource.get("resourceType") if isinstance(resource, Mapping) else None
    model = MODELS.get(kind) if isinstance(kind, str) else None
    if model is None:
        return (Problem("resourceType", "is missing or names a type that is not read here", "not-supported"),)
    if _is_plain(resource, model):
        return ()
    found: dict[str, Problem] = {}
    for problem in (*_model_problems(resource, model), *_own_problems(resource, model)):
        found.setdefault(problem.path, problem)
    return tuple(found.values())


def _model_problems(resource: Mapping[str, Any], model: type[BaseModel]) -> Iterator[Problem]:
    """What the model refuses. It raises KeyError for an unknown resource type, RecursionError when nested deep."""
    root = model.__name__
    try:
        model.model_validate(resource)
    except ValidationError as error:
        # The defaults would put the sender's values into every error.
        for detail in error.errors(include_input=False, include_url=False, include_context=False):
            yield from _from_model(root, detail["type"], detail["loc"])
    except KeyError:
        yield Problem(f"{root}.contained", "holds a resource of an unknown type", "structure")
        rest = {key: value for key, value in resource.items() if key != "contained"}
        if len(rest) < len(resource):
            yield from _model_problems(rest, model)
    except RecursionError:
        yield Problem(root, "is nested too deeply", "structure")
    except (ValueError, TypeError, AttributeError):
        # Shapes the models themselves stumble over: a contained resource or a primitive's extension that is neither.
        yield from _by_member(resource, model, root)


def _by_member(resource: Mapping[str, Any], model: type[BaseModel], root: str) -> Iterator[Problem]:
    """Name the members without which the rest can be validated; the whole when no single one is to blame."""
    found = False
    for name in resource:
        rest = {key: value for key, value in resource.items() if key != name}
        try:
            model.model_validate(rest)
        except ValidationError:
            pass
        except (KeyError, RecursionError, ValueError, TypeError, AttributeError):
            continue
        found = True
        shown = name if _MEMBER.match(name) else "?"
        yield Problem(f"{root}.{shown.removeprefix('_')}", "is not valid", "value")
    if not found:
        yield Problem(root, "is not valid", "value")


def _from_model(root: str, kind: str, location: tuple[int | str, ...]) -> Iterator[Problem]:
    path = root
    for step in location:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step in _OWN_NAMES:
            path += _OWN_NAMES[step]
        elif _MEMBER.match(step):
            path += f".{step}"
        else:  # a member name is the sender's own text: one that is no FHIR name is not repeated
            path += ".?"
    match kind:
        case "missing" | "model_field_validation.missing":
            yield Problem(path, "is required and missing", "required")
        case "extra_forbidden":
            yield Problem(path, "is not an element of this type", "structure")
        case "list_type":
            yield Problem(path, "should be a list", "structure")
        case "model_validation_format" | "json_invalid":
            yield Problem(path, "should be an object", "structure")
        case "value_error" if not location:
            return  # choices of types and required primitives: the second look names the element
        case _:
            yield Problem(path, "has a value of the wrong type or format", "value")


@dataclass(frozen=True, slots=True)
class _Element:
    kind: type | None
    """bool, int, Decimal or str for primitives; None for objects."""
    codes: frozenset[str]
    child: type[BaseModel] | None
    is_id: bool


@dataclass(frozen=True, slots=True)
class _Shape:
    elements: Mapping[str, _Element]
    required: tuple[str, ...]
    """Required primitives; an extension on the primitive may stand for the value."""
    choices: tuple[tuple[str, tuple[str, ...], bool], ...]
    """Choices of types: name, members, whether one is required."""


@cache
def _shape(model: type[BaseModel]) -> _Shape:
    elements: dict[str, _Element] = {}
    required: list[str] = []
    choices: dict[str, tuple[list[str], bool]] = {}
    for field in model.model_fields.values():
        name, extra = str(field.alias), field.json_schema_extra
        elements[name] = _element(model.__name__, name, str(field.annotation), extra)
        if not isinstance(extra, dict):
            continue
        if extra.get("element_required") is True:
            required.append(name)
        if isinstance(choice := extra.get("one_of_many"), str):
            members, _ = choices.get(choice, ([], False))
            choices[choice] = ([*members, name], extra.get("one_of_many_required") is True)
    every = tuple((f"{name}[x]", tuple(members), needed) for name, (members, needed) in choices.items())
    return _Shape(MappingProxyType(elements), tuple(required), every)


def _element(model: str, name: str, annotation: str, extra: Any) -> _Element:
    """Read one element from its model annotation, e.g. `Optional[Annotated[str, Code()]]` or `abc.TimingType`."""
    codes = _CODES.get((model, name), frozenset())
    listed = extra.get("enum_values", []) if isinstance(extra, dict) else []
    if "Code()" in annotation and "+" not in listed:
        codes = codes or frozenset(listed)
    if child := re.search(r"abc\.(\w+)Type\b", annotation):
        # Contained resources are judged by their own model; extensions of primitives hold no value of their own.
        is_open = child[1] in {"Resource", "FHIRPrimitiveExtension"}
        return _Element(None, codes, None if is_open else get_fhir_model_class(child[1]), is_id=False)
    kinds = {"bool": bool, "int": int, "decimal.Decimal": Decimal}
    primitive = re.search(r"\b(bool|int|decimal\.Decimal)\b", annotation)
    return _Element(kinds[primitive[1]] if primitive else str, codes, None, is_id="Id()" in annotation)


def _is_plain(resource: Any, model: type[BaseModel]) -> bool:
    try:
        return _plain_shape(model).holds(resource)
    except RecursionError:
        return False


@cache
def _plain_shape(model: type[BaseModel]) -> PlainShape:
    """Return what a plain object of this model holds: no extensions of primitives, no contained resources."""
    members: dict[str, Check] = {}
    required: list[str] = []
    choice_of: dict[str, str] = {}
    needed: set[str] = set()
    for key, field in model.model_fields.items():
        name, annotation = field.alias or key, str(field.annotation)
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        element = _element(model.__name__, name, annotation, extra)
        if (check := _plain_check(element, annotation)) is not None:
            members[name] = plain_list(check) if "List[" in annotation else check
        if field.is_required() or extra.get("element_required") is True:
            required.append(name)
        if isinstance(choice := extra.get("one_of_many"), str):
            choice_of[name] = choice
            if extra.get("one_of_many_required") is True:
                needed.add(choice)
    if model in MODELS.values():
        members["resourceType"] = plain_code({model.__name__})
    return PlainShape(members, tuple(required), choice_of, frozenset(needed))


def _plain_check(element: _Element, annotation: str) -> Check | None:
    if element.child is not None:
        child = element.child
        return lambda value: _plain_shape(child).holds(value)
    if "abc." in annotation:
        return None
    return plain_primitive(annotation, element.codes)


def _own_problems(resource: Mapping[str, Any], model: type[BaseModel]) -> Iterator[Problem]:
    try:
        yield from _walk(resource, model, model.__name__)
    except RecursionError:
        yield Problem(model.__name__, "is nested too deeply", "structure")


def _walk(value: Mapping[str, Any], model: type[BaseModel], path: str) -> Iterator[Problem]:
    shape = _shape(model)
    elements = shape.elements
    for name, given in value.items():
        element = elements.get(name)
        if element is None:  # the model has said so, or it is the member resourceType
            continue
        if type(given) is list:
            if not given:
                yield Problem(f"{path}.{name}", "should not be an empty list", "invariant")
            for index, item in enumerate(given):
                yield from _one(item, element, f"{path}.{name}[{index}]")
        else:
            yield from _one(given, element, f"{path}.{name}")
    yield from _missing(value, shape, path)


def _missing(value: Mapping[str, Any], shape: _Shape, path: str) -> Iterator[Problem]:
    for name in shape.required:
        if name not in value and f"_{name}" not in value:
            yield Problem(f"{path}.{name}", "is required and missing", "required")
    for name, members, needed in shape.choices:
        count = sum(member in value for member in members)
        if count > 1:
            yield Problem(f"{path}.{name}", "is given in more than one type", "structure")
        elif needed and not count:
            yield Problem(f"{path}.{name}", "is required and missing", "required")


def _one(value: Any, element: _Element, path: str) -> Iterator[Problem]:
    if element.kind is None:
        if element.child is not None and isinstance(value, Mapping):
            yield from _walk(value, element.child, path)
        return
    if value is None:  # a gap beside an extension of the primitive; the model refuses it elsewhere
        return
    if not _is_of(value, element.kind):
        words = {bool: "should be true or false", int: "should be a whole number", Decimal: "should be a number"}
        yield Problem(path, words.get(element.kind, "should be text"), "value")
    elif element.codes and value not in element.codes:
        yield Problem(path, "is not a code of the required value set", "code-invalid")
    elif element.is_id and not FHIR_ID.fullmatch(value):
        yield Problem(path, "is not a FHIR id", "value")
    elif element.kind is str and not value.strip():
        yield Problem(path, "should not be blank", "invariant")


def _is_of(value: Any, kind: type) -> bool:
    if kind is Decimal:
        return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)
