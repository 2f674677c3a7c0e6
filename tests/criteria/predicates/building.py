"""Predicates built and judged without a policy file."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from criteria.facts import Case
from criteria.finding import Finding, Judgement
from criteria.predicates import PREDICATES
from criteria.predicates.context import BuildContext
from tests.criteria.facts_builders import DRUGS, ON, THRESHOLDS

CONTEXT = BuildContext("leaf", DRUGS, THRESHOLDS)


def judged(
    name: str,
    params: Mapping[str, Any],
    case: Case,
    *,
    on: date = ON,
    findings: Mapping[str, Finding] | None = None,
    **context: Any,
) -> Judgement:
    return PREDICATES[name].build(params, replace(CONTEXT, **context)).judge(case, on, findings or {})
