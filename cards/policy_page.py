"""A policy as a page a clinician can read (one anchor per criterion, no scripts, self-contained) and as JSON."""

from collections.abc import Iterable
from html import escape
from typing import Any, assert_never

from cards import wording
from cards.links import anchor
from criteria.citation import Citation, PolicyDocument
from criteria.policy import Contact, DoseLimit, Path, Policy
from criteria.tree import AllOf, AnyOf, AtLeast, Criterion, Leaf, Not

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
ul { padding-left: 1.2rem; } li { margin: .5rem 0; }
li:target, section:target { background: #fff6d6; }
table { border-collapse: collapse; } th, td { text-align: left; vertical-align: top; padding: .2rem 1rem .2rem 0; }
.cite, .kind { color: #555; font-size: .9rem; }
"""

_KINDS = {"all-of": "all of these", "any-of": "at least one of these", "not": "this must not hold"}


def policy_page(policy: Policy) -> str:
    """Return the page of a policy as HTML."""
    placed: set[str] = set()
    body = [
        f"<h1>{escape(policy.title)}</h1>",
        _facts(_identity(policy)),
        *(_path(path, policy, placed) for path in policy.paths.values()),
        _section("Dose limit", _dose_limit(policy.dose_limit) if policy.dose_limit else ""),
        _section("Contact", _facts(_addresses(policy.contact)) if policy.contact else ""),
        _section("Documents", _documents(policy)),
        _section("Source attributes", _facts(policy.source_attributes.items())),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(policy.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(filter(None, body))
        + "\n</body>\n</html>\n"
    )


def _identity(policy: Policy) -> list[tuple[str, str]]:
    until = policy.effective.to.isoformat() if policy.effective.to else "until superseded"
    facts = [
        ("Policy", f"{policy.id}, version {policy.version}"),
        ("In force", f"from {policy.effective.start.isoformat()}, {until}"),
        ("Decides", ", ".join(policy.decides)),
    ]
    if policy.products:
        facts += [
            ("Preferred products", ", ".join(policy.products.preferred)),
            ("Restricted products", ", ".join(policy.products.restricted)),
        ]
    return [*facts, ("Digest", policy.digest)]


def _facts(pairs: Iterable[tuple[str, str]]) -> str:
    rows = "\n".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in pairs)
    return f"<table>\n{rows}\n</table>"


def _section(title: str, content: str) -> str:
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n</section>" if content else ""


def _path(path: Path, policy: Policy, placed: set[str]) -> str:
    authorization = path.authorization
    said = [f"Approved for up to {authorization.months} months."]
    for criterion, months in authorization.shorter.items():
        title = policy.leaves[criterion].title if criterion in policy.leaves else criterion
        remark = authorization.remarks.get(criterion, "")
        said.append(wording.join(f"{months} months when it rests on this alone: {title}", remark))
    if authorization.cycle_limit:
        criterion, cycles, days = authorization.cycle_limit
        title = policy.leaves[criterion].title if criterion in policy.leaves else criterion
        said.append(f"At most {cycles} cycles of {days} days in all: {wording.sentence(title)}")
    durations = "\n".join(f"<p>{escape(each)}</p>" for each in said)
    return _section(f"Criteria: {path.name}", f"{durations}\n<ul>\n{_node(path.root, policy, placed)}\n</ul>")


def _node(criterion: Criterion, policy: Policy, placed: set[str]) -> str:
    """Return a node; a criterion that stands in several places is written out once and linked from the others."""
    name = anchor(criterion.id)
    if name in placed:
        return f'<li><a href="#{escape(name)}">{escape(criterion.title)}</a> (see above)</li>'
    placed.add(name)
    start = f'<li id="{escape(name)}"><strong>{escape(criterion.title)}</strong>'
    if isinstance(criterion, Leaf):
        return f"{start}{_criterion_text(criterion, policy)}</li>"
    kind = _connective(criterion)
    words = _KINDS.get(kind, f"{kind.removeprefix('at-least(').removesuffix(')')} or more of these")
    below = "\n".join(_node(each, policy, placed) for each in _branches(criterion))
    return f'{start} <span class="kind">{escape(words)}</span>\n<ul>\n{below}\n</ul></li>'


def _criterion_text(leaf: Leaf, policy: Policy) -> str:
    send = f"<br>What to send: {escape(wording.sentence(leaf.request))}" if leaf.request else ""
    plan = "<br>The plan finds this out itself." if leaf.plan_side else ""
    return (
        f"<br>{escape(wording.sentence(leaf.citation.paraphrase))}{plan or send}"
        f'<br><span class="cite">{escape(_place(leaf.citation, policy))}</span>'
    )


def _place(citation: Citation, policy: Policy) -> str:
    document = policy.documents.get(citation.document)
    name = f"{document.number}, version {document.version}" if document else citation.document
    reading = f"; reading {citation.reading}" if citation.reading else ""
    return f"{name}, {citation.section}{reading}"


def _dose_limit(limit: DoseLimit) -> str:
    text = (
        f"Label dose {wording.number(limit.dose_mg_per_kg)} mg/kg {wording.interval(limit.interval_days)}; up to "
        f"{wording.number(limit.tolerance * 100)} % more is accepted for vial rounding, doses not closer than "
        f"{limit.shortest_interval_days} days. Weight: the newest within {limit.weight_within_days} days."
    )
    return f"<p>{escape(text)}</p>"


def _addresses(contact: Contact) -> list[tuple[str, str]]:
    found = [("Name", contact.name), ("Phone", contact.phone), ("Fax", contact.fax), ("Web", contact.url)]
    return [(name, value) for name, value in found if value]


def _documents(policy: Policy) -> str:
    return _facts((each.title, _document(each)) for each in policy.documents.values())


def _document(document: PolicyDocument) -> str:
    return (
        f"{document.number}, version {document.version}, effective {document.effective.isoformat()}, "
        f"retrieved {document.retrieved}, SHA-256 {document.sha256}"
    )


# ------------------------------------------------------------------------------------------------------------ JSON


def policy_json(policy: Policy) -> dict[str, Any]:
    """Return everything a reader may know of a policy. Quantities are decimals as text."""
    effective = policy.effective
    return {
        "id": policy.id,
        "version": policy.version,
        "title": policy.title,
        "payer": policy.payer,
        "digest": policy.digest,
        "effective": {"from": effective.start.isoformat(), "to": effective.to.isoformat() if effective.to else None},
        "documents": {key: _document_json(each) for key, each in policy.documents.items()},
        "decides": list(policy.decides),
        "products": (
            {"preferred": list(policy.products.preferred), "restricted": list(policy.products.restricted)}
            if policy.products
            else None
        ),
        "paths": {name: _path_json(each) for name, each in policy.paths.items()},
        "doseLimit": _dose_limit_json(policy.dose_limit) if policy.dose_limit else None,
        "contact": _contact_json(policy.contact) if policy.contact else None,
        "realTimeAuthorization": policy.real_time_authorization,
        "sourceAttributes": dict(policy.source_attributes),
    }


def _branches(criterion: AllOf | AnyOf | AtLeast | Not) -> tuple[Criterion, ...]:
    return (criterion.of,) if isinstance(criterion, Not) else criterion.of


def _connective(criterion: Criterion) -> str:
    """Return how a node combines its branches, in the contract's words; a leaf is a criterion."""
    match criterion:
        case Leaf():
            return "criterion"
        case AllOf():
            return "all-of"
        case AnyOf():
            return "any-of"
        case AtLeast(threshold=threshold):
            return f"at-least({threshold})"
        case Not():
            return "not"
        case _:
            assert_never(criterion)


def _document_json(document: PolicyDocument) -> dict[str, Any]:
    return {
        "title": document.title,
        "number": document.number,
        "version": document.version,
        "effective": document.effective.isoformat(),
        "retrieved": document.retrieved,
        "sha256": document.sha256,
    }


def _path_json(path: Path) -> dict[str, Any]:
    limit = path.authorization.cycle_limit
    return {
        "questionnaire": path.questionnaire_id,
        "authorization": {
            "months": path.authorization.months,
            "shorter": dict(path.authorization.shorter),
            "remarks": dict(path.authorization.remarks),
            "cycleLimit": {"criterion": limit[0], "cycles": limit[1], "daysPerCycle": limit[2]} if limit else None,
        },
        "criteria": _node_json(path.root),
    }


def _node_json(criterion: Criterion) -> dict[str, Any]:
    node: dict[str, Any] = {"id": criterion.id, "kind": _connective(criterion), "title": criterion.title}
    if isinstance(criterion, Leaf):
        return {
            **node,
            "citation": _citation_json(criterion.citation),
            "request": criterion.request,
            "gate": criterion.gate,
            "planSide": criterion.plan_side,
        }
    return {**node, "of": [_node_json(each) for each in _branches(criterion)]}


def _citation_json(citation: Citation) -> dict[str, Any]:
    return {
        "document": citation.document,
        "section": citation.section,
        "paraphrase": citation.paraphrase,
        "reading": citation.reading,
    }


def _dose_limit_json(limit: DoseLimit) -> dict[str, Any]:
    return {
        "mgPerKg": str(limit.dose_mg_per_kg),
        "intervalDays": limit.interval_days,
        "tolerance": str(limit.tolerance),
        "shortestIntervalDays": limit.shortest_interval_days,
        "weightWithinDays": limit.weight_within_days,
    }


def _contact_json(contact: Contact) -> dict[str, Any]:
    return {"name": contact.name, "phone": contact.phone, "fax": contact.fax, "url": contact.url}
