"""Wire types of a CDS Hooks answer, valid by construction.

Rules: CDS Hooks 3.0 ballot (cds-resp-1 to cds-resp-6) and CRD 2.2 (CRDHooksResponseBase). A violation raises
ValueError: it is a bug of ours, and text is never cut to make it fit.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

SUMMARY_LIMIT = 139
"""Longest summary: the specification says fewer than 140 characters."""

_RESOURCE_ID = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}")


def _require(holds: bool, rule: str) -> None:  # noqa: FBT001 - reads as "require that ..., else"
    if not holds:
        raise ValueError(rule)


def _require_uuid(value: str) -> None:
    _require(str(UUID(value)) == value, f"not a bare UUID: {value!r}")


def _present(**members: Any) -> dict[str, Any]:
    """Return the members that say something: CDS Hooks leaves empty ones out."""
    return {name: value for name, value in members.items() if value not in (None, [], {})}


@dataclass(frozen=True, slots=True)
class Coding:
    """A coded value of CDS Hooks: code and system are mandatory there."""

    system: str
    code: str
    display: str | None = None

    def __post_init__(self) -> None:
        """Refuse a coding without system or code."""
        _require(bool(self.system and self.code), "a coding has a system and a code")

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return _present(system=self.system, code=self.code, display=self.display)


@dataclass(frozen=True, slots=True)
class CardSource:
    """Who says it and on what topic; CRD wants an insurer's name the user recognises."""

    label: str
    topic: Coding

    def __post_init__(self) -> None:
        """Refuse a source without a name."""
        _require(bool(self.label.strip()), "a source has a label")

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {"label": self.label, "topic": self.topic.to_json()}


@dataclass(frozen=True, slots=True)
class Link:
    """A link of a card; only SMART links may carry context."""

    label: str
    url: str
    type: Literal["absolute", "smart"] = "absolute"
    app_context: str | None = None

    def __post_init__(self) -> None:
        """Check label, address and cds-resp-3."""
        _require(bool(self.label), "a link has a label")
        _require(self.url.startswith(("http://", "https://")), f"a link has an absolute address: {self.url!r}")
        _require(self.type == "smart" or self.app_context is None, "an absolute link has no appContext")

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return _present(label=self.label, url=self.url, type=self.type, appContext=self.app_context)


@dataclass(frozen=True, slots=True)
class Action:
    """Create or update a whole resource, or delete one by its id."""

    type: Literal["create", "update", "delete"]
    description: str
    resource: Mapping[str, Any] | None = None
    resource_id: str | None = None

    def __post_init__(self) -> None:
        """Check cds-resp-2 and cds-resp-5."""
        _require(bool(self.description), "an action has a description")
        if self.type == "delete":
            _require(self.resource is None, "a delete has no resource")
            _require(bool(_RESOURCE_ID.fullmatch(self.resource_id or "")), "a delete has a resourceId Type/id")
        else:
            _require(bool(self.resource), f"{self.type} has a resource")
            _require(self.resource_id is None, f"{self.type} has no resourceId")

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return _present(
            type=self.type, description=self.description, resource=self.resource, resourceId=self.resource_id
        )


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One choice of a card: all its actions together."""

    label: str
    uuid: str
    actions: tuple[Action, ...]

    def __post_init__(self) -> None:
        """Check label, uuid (mandatory in CRD) and that there is something to do."""
        _require(bool(self.label), "a suggestion has a label")
        _require_uuid(self.uuid)
        _require(bool(self.actions), "a suggestion has actions")

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return {"label": self.label, "uuid": self.uuid, "actions": [each.to_json() for each in self.actions]}


@dataclass(frozen=True, slots=True)
class Card:
    """One card. `detail` is GitHub-flavoured markdown."""

    uuid: str
    summary: str
    indicator: Literal["info", "warning", "critical"]
    source: CardSource
    detail: str | None = None
    suggestions: tuple[Suggestion, ...] = ()
    selection_behavior: Literal["at-most-one", "any"] | None = None
    override_reasons: tuple[Coding, ...] = ()
    links: tuple[Link, ...] = ()
    extension: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check uuid, summary, indicator, cds-resp-4 and cds-resp-6."""
        _require_uuid(self.uuid)
        _require(bool(self.summary.strip()) and "\n" not in self.summary, "a summary is one line of text")
        _require(len(self.summary) <= SUMMARY_LIMIT, f"summary of {len(self.summary)} characters: {self.summary!r}")
        _require(self.indicator in {"info", "warning", "critical"}, f"unknown indicator {self.indicator!r}")
        _require(self.detail is None or bool(self.detail.strip()), "a detail is not empty")
        _require(
            bool(self.suggestions) == (self.selection_behavior is not None),
            "suggestions and selectionBehavior come together",
        )
        _require(all(each.display for each in self.override_reasons), "an override reason has a display")

    def to_json(self) -> dict[str, Any]:
        """Return the wire form."""
        return _present(
            uuid=self.uuid,
            summary=self.summary,
            detail=self.detail,
            indicator=self.indicator,
            source=self.source.to_json(),
            suggestions=[each.to_json() for each in self.suggestions],
            selectionBehavior=self.selection_behavior,
            overrideReasons=[each.to_json() for each in self.override_reasons],
            links=[each.to_json() for each in self.links],
            extension=dict(self.extension),
        )
