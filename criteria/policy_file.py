"""Build policies from their YAML files, naming every mistake by its place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

from criteria.citation import Citation, PolicyDocument
from criteria.data_files import DataFile
from criteria.errors import Defect
from criteria.names import Named, Names, no_such
from criteria.policy import (
    Authorization,
    Contact,
    DoseLimit,
    Effective,
    Path,
    Policy,
    PreferredProducts,
    Question,
    QuestionOption,
    ReflexTest,
)
from criteria.predicates import PREDICATES
from criteria.predicates.context import BuildContext
from criteria.tree import AllOf, AnyOf, AtLeast, Criterion, Leaf, Not, Predicate, leaves_of

Place = tuple[str | int, ...]


@dataclass(slots=True)
class PolicyBuilder:
    """One policy file on its way to a Policy; collects defects instead of stopping at the first."""

    file: DataFile
    context: BuildContext
    limits: Mapping[str, int]
    names: Names
    defects: list[Defect] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)

    def build(self, digest: str, products: PreferredProducts | None) -> Policy | None:
        """Return the policy, or None with `defects` filled."""
        raw = self.file.content
        self.context = replace(self.context, products=products)
        leaves = {name: leaf for name, spec in raw["leaves"].items() if (leaf := self._leaf(name, spec))}
        paths = {name: self._path(name, spec, leaves) for name, spec in raw["paths"].items()}
        self._check_leaves_used(paths, leaves)
        self._check_heading(raw)
        for key in raw["decides"]:
            if key not in self.context.drugs:
                self._fail(("decides",), no_such(Named.DRUG, key, self.names[Named.DRUG]))
        if self.defects:
            return None
        return Policy(
            id=raw["id"],
            version=raw["version"],
            title=raw["title"],
            payer=raw["payer"],
            digest=digest,
            effective=_effective(raw["effective"]),
            documents={name: _document(name, spec) for name, spec in raw["documents"].items()},
            decides=tuple(raw["decides"]),
            products=products,
            paths={name: path for name, path in paths.items() if path is not None},
            leaves=leaves,
            dose_limit=self._dose_limit(raw.get("dose")),
            reflex_tests={name: ReflexTest(name, **spec) for name, spec in raw.get("reflex_tests", {}).items()},
            contact=Contact(**raw["contact"]) if "contact" in raw else None,
            real_time_authorization=raw["real_time_authorization"],
            not_met_is_review=raw.get("not_met_is_review", False),
            alternatives_gap_days=raw.get("alternatives_gap_days"),
            source_attributes=dict(raw["source_attributes"]),
        )

    def _check_heading(self, raw: Mapping[str, Any]) -> None:
        """Check what stands above leaves and paths: days in order, documents that exist."""
        effective = raw["effective"]
        if "to" in effective and effective["to"] < effective["from"]:
            self._fail(("effective", "to"), "the policy ends before it starts")
        if "dose" in raw and raw["dose"]["cite"]["document"] not in raw["documents"]:
            self._fail(("dose", "cite", "document"), f"no document is called {raw['dose']['cite']['document']}")

    def _fail(self, place: Place, message: str) -> None:
        self.defects.append(self.file.defect(place, message))

    # ---------------------------------------------------------------- leaves

    def _leaf(self, name: str, spec: Mapping[str, Any]) -> Leaf | None:
        place: Place = ("leaves", name)
        cite = spec["cite"]
        if cite["document"] not in self.file.content["documents"]:
            self._fail((*place, "cite", "document"), f"no document is called {cite['document']}")
        predicate = self._predicate(name, spec["judge"], (*place, "judge"))
        if predicate is None:
            return None
        return Leaf(
            id=name,
            title=spec["title"],
            citation=Citation(cite["document"], cite["section"], cite["paraphrase"], cite.get("reading")),
            predicate=predicate,
            request=spec["request"],
            rank=spec.get("rank", 50),
            gate=spec.get("gate", False),
            plan_side=spec.get("plan_side", False),
            relies_on=tuple(spec.get("relies_on", ())),
        )

    def _predicate(self, leaf: str, judge: Mapping[str, Any], place: Place) -> Predicate | None:
        """Build the one predicate of a `judge` mapping, or None with a defect recorded."""
        if len(judge) != 1:
            self._fail(place, f"judge names {len(judge)} tests; it must name exactly one")
            return None
        ((name, params),) = judge.items()
        kind = PREDICATES.get(name)
        if kind is None:
            self._fail((*place, name), f"no test is called {name}; known: {', '.join(sorted(PREDICATES))}")
            return None
        found = self.file.check(kind.SCHEMA, (*place, name), self.names)
        if found:
            self.defects.extend(found)
            return None

        def part(part_leaf: str, spec: Mapping[str, Any]) -> Predicate:
            built = self._part(part_leaf, spec, place, name)
            if built is None:
                message = "a part could not be built"
                raise ValueError(message)
            return built

        try:
            relies_on = tuple(self.file.content["leaves"].get(leaf, {}).get("relies_on", ()))
            return kind.build(params, replace(self.context, leaf=leaf, part=part, relies_on=relies_on))
        except ValueError as error:
            self._fail((*place, name), str(error))
            return None

    def _part(self, leaf: str, spec: Mapping[str, Any], place: Place, name: str) -> Predicate | None:
        parts = self.file.content
        for step in (*place, name):
            parts = parts[step]
        index = next(i for i, each in enumerate(parts["parts"]) if each["judge"] is spec)
        return self._predicate(leaf, spec, (*place, name, "parts", index, "judge"))

    # ---------------------------------------------------------------- paths and trees

    def _path(self, name: str, spec: Mapping[str, Any], leaves: Mapping[str, Leaf]) -> Path | None:
        seen: set[str] = set()
        self.ids = set()
        root = self._criterion(spec["tree"], leaves, seen, ("paths", name, "tree"))
        if root is None:
            return None
        used = list(dict.fromkeys(leaf.id for leaf in leaves_of(root)))
        questions = tuple(question for leaf in used for question in self._questions(leaf))
        self._check_links(name, questions)
        authorization = spec["authorization"]
        self._check_authorization(name, authorization)
        for criterion in authorization.get("shorter", {}):
            if criterion not in used:
                self._fail(
                    ("paths", name, "authorization", "shorter", criterion), f"no criterion is called {criterion}"
                )
        limit = authorization.get("cycle_limit")
        return Path(
            name=name,
            root=root,
            authorization=Authorization(
                months=authorization["months"],
                shorter=dict(authorization.get("shorter", {})),
                remarks=dict(authorization.get("remarks", {})),
                cycle_limit=(limit["criterion"], limit["cycles"], limit["days_per_cycle"]) if limit else None,
            ),
            questionnaire_id=spec["questionnaire"],
            questions=questions,
        )

    def _check_authorization(self, path: str, authorization: Mapping[str, Any]) -> None:
        place: Place = ("paths", path, "authorization")
        for criterion in authorization.get("remarks", {}):
            if criterion not in authorization.get("shorter", {}):
                self._fail((*place, "remarks", criterion), f"{criterion} has no shorter approval to remark on")
        limit = authorization.get("cycle_limit")
        if limit and limit["criterion"] not in self.file.content["leaves"]:
            self._fail((*place, "cycle_limit", "criterion"), f"no criterion is called {limit['criterion']}")

    def _criterion(
        self, node: str | Mapping[str, Any], leaves: Mapping[str, Leaf], seen: set[str], place: Place
    ) -> Criterion | None:
        if isinstance(node, str):
            if node not in leaves and not any(each.path.startswith(f"$.leaves.{node}") for each in self.defects):
                self._fail(place, f"no criterion is called {node}")
            leaf = leaves.get(node)
            if leaf is not None:
                self._check_reliance(leaf, seen, place)
            return leaf
        ((kind, spec),) = node.items()
        if spec["id"] in self.ids or spec["id"] in self.file.content["leaves"]:
            self._fail((*place, kind, "id"), f"{spec['id']} stands twice")
        # Ids are taken before the branches are read, and may be relied on only after.
        self.ids.add(spec["id"])
        branches = [
            self._criterion(each, leaves, seen, (*place, kind, "of", index)) for index, each in enumerate(spec["of"])
        ]
        seen.add(spec["id"])
        of = tuple(each for each in branches if each is not None)
        if not of:
            return None
        return self._connective(kind, spec, of, (*place, kind))

    def _connective(self, kind: str, spec: Mapping[str, Any], of: tuple[Criterion, ...], place: Place) -> Criterion:
        node, title = spec["id"], spec["title"]
        match kind:
            case "all-of":
                return AllOf(node, title, of)
            case "any-of":
                return AnyOf(node, title, of)
            case "at-least":
                threshold = int(spec.get("threshold", 0))
                if not 1 <= threshold <= len(of):
                    self._fail(place, f"threshold {threshold} does not fit {len(of)} branches")
                return AtLeast(node, title, threshold, of)
            case _:
                if len(of) != 1:
                    self._fail(place, "not takes exactly one branch")
                return Not(node, title, of[0])

    def _check_reliance(self, leaf: Leaf, seen: set[str], place: Place) -> None:
        for name in leaf.relies_on:
            if name not in seen:
                self._fail(place, f"{leaf.id} relies on {name}, which is not judged before it")

    def _check_leaves_used(self, paths: Mapping[str, Path | None], leaves: Mapping[str, Leaf]) -> None:
        used = {leaf.id for path in paths.values() if path is not None for leaf in leaves_of(path.root)}
        if None in paths.values():
            return
        for name in leaves:
            if name not in used:
                self._fail(("leaves", name), f"{name} stands in no path")

    # ---------------------------------------------------------------- questions

    def _questions(self, leaf: str) -> Iterator[Question]:
        for spec in self.file.content["leaves"][leaf].get("questions", ()):
            yield _question(leaf, spec)

    def _check_links(self, path: str, questions: tuple[Question, ...]) -> None:
        every = [question for top in questions for question in _flatten(top)]
        names = [each.link_id for each in every]
        for twice in sorted({each for each in names if names.count(each) > 1}):
            self._fail(("paths", path), f"question {twice} stands twice")
        for each in every:
            for link, _ in each.enable_when:
                if link not in names:
                    self._fail(("paths", path), f"question {each.link_id} waits for {link}, which is not asked")

    def _dose_limit(self, spec: Mapping[str, Any] | None) -> DoseLimit | None:
        if spec is None:
            return None
        return DoseLimit(
            dose_mg_per_kg=Decimal(spec["mg_per_kg"]),
            interval_days=spec["interval_days"],
            tolerance=Decimal(self.limits["dose_tolerance_percent"]) / 100,
            shortest_interval_days=self.limits["shortest_interval_days"],
            weight_within_days=self.limits["weight_within_days"],
        )


def _question(prefix: str, spec: Mapping[str, Any]) -> Question:
    link = f"{prefix}.{spec['link']}" if "link" in spec else prefix
    leaf = prefix.split(".", 1)[0]
    return Question(
        link_id=link,
        text=spec["text"],
        type=spec["type"],
        options=tuple(QuestionOption(each["code"], each["display"]) for each in spec.get("options", ())),
        items=tuple(_question(link, each) for each in spec.get("items", ())),
        enable_when=tuple((f"{leaf}.{each['link']}", each["is"]) for each in spec.get("enable_when", ())),
    )


def _flatten(question: Question) -> Iterator[Question]:
    yield question
    for item in question.items:
        yield from _flatten(item)


def _effective(spec: Mapping[str, str]) -> Effective:
    return Effective(date.fromisoformat(spec["from"]), date.fromisoformat(spec["to"]) if "to" in spec else None)


def _document(name: str, spec: Mapping[str, str]) -> PolicyDocument:
    return PolicyDocument(
        id=name,
        title=spec["title"],
        number=spec["number"],
        version=spec["version"],
        effective=date.fromisoformat(spec["effective"]),
        retrieved=spec["retrieved"],
        sha256=spec["sha256"],
    )
