"""Reading members of a request's JSON: the value, or the problem with its path."""

from collections.abc import Mapping
from typing import Any

from service.problems import request_problem


def text_of(parent: Mapping[str, Any], name: str, path: str) -> str:
    """Return a required text; raise RequestProblem when it is missing, empty or something else."""
    value = parent.get(name)
    if value is None:
        raise request_problem(path, "required", "is required and missing")
    if not isinstance(value, str) or not value:
        raise request_problem(path, "value", "must be text")
    return value


def object_of(parent: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any]:
    """Return a required object; raise RequestProblem when it is missing or something else."""
    value = optional_object(parent, name, path)
    if value is None:
        raise request_problem(path, "required", "is required and missing")
    return value


def optional_object(parent: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any] | None:
    """Return an object or None; raise RequestProblem when it is something else."""
    value = parent.get(name)
    if value is not None and not isinstance(value, Mapping):
        raise request_problem(path, "structure", "must be an object")
    return value


def texts_of(parent: Mapping[str, Any], name: str, path: str) -> tuple[str, ...]:
    """Return a required list of texts; raise RequestProblem when it is anything else."""
    value = parent.get(name)
    if value is None:
        raise request_problem(path, "required", "is required and missing")
    if not isinstance(value, list):
        raise request_problem(path, "structure", "must be a list")
    for index, each in enumerate(value):
        if not isinstance(each, str) or not each:
            raise request_problem(f"{path}[{index}]", "value", "must be text")
    return tuple(value)
