"""Words with which laboratories call a tumour-marker result, where no code says it.

Negations are found first and taken out, so that "not amplified" is never read as "amplified".
"""

import re
from collections.abc import Iterable

from criteria.facts import MarkerCall, MarkerMethod

HER2_NAME = re.compile(r"her[- ]?2|erb-?b-?2")
# "ER" and "PR" alone are also an emergency room and an interval of the ECG.
ER_NAME = re.compile(r"o?estrogen receptor|\ber[ /-]*(?:status|ihc|expression)\b")
PR_NAME = re.compile(r"progesterone receptor|\bpg?r[ /-]*(?:status|ihc|expression)\b")
IHC_NAME = re.compile(r"\bihc\b|immunohisto|immune stain|immunostain")
ISH_NAME = re.compile(r"\b(?:f|c|d|s)?ish\b|in[- ]situ hybridi[sz]|gene duplication|gene amplification")
DUAL_PROBE = re.compile(r"\bdual[- ]?(?:probe|colou?r)")
SINGLE_PROBE = re.compile(r"\bsingle[- ]?(?:probe|colou?r)")
# A variant is no protein and no copy number; serum is no tumour tissue.
MUTATION_NAME = re.compile(r"\bmutations?\b|\bmutated\b|\bvariants?\b|sequenc|\bngs\b|\bexons?\b")
SERUM_NAME = re.compile(r"\bserum\b|\bplasma\b|extracellular domain|\becd\b|\bctdna\b|circulating")

_CONTROLS = re.compile(r"\b(?:(?:positive|negative|internal|external) )*controls?\b[^.;]*")
_NEGATIVE = re.compile(
    r"\b(?:negative|neg|absent|non-?reactive"
    r"|not (?:detected|identified|present|seen|positive|amplified|over-?expressed|increased|reactive)"
    r"|no (?:(?:evidence of|her-?2|erbb2|gene|protein|significant) )*"
    r"(?:amplification|over-?expression|staining|expression)"
    r"(?: (?:(?:is|was|has been) )?(?:detected|identified|present|seen|found|noted))?)\b"
)
_POSITIVE = re.compile(r"\b(?:positive|pos|present|detected|identified|over-?express(?:ed|ion)|reactive)\b")
_EQUIVOCAL = re.compile(r"\b(?:equivocal|borderline)\b")
_INDETERMINATE = re.compile(
    r"\b(?:indeterminate|inconclusive|insufficient|undetermined|uninterpretable|not interpretable"
    r"|cannot be (?:determined|assessed|interpreted))\b"
)
_NOT_TESTED = re.compile(
    r"\b(?:not (?:tested|done|performed|ordered|assessed|evaluated|available|applicable|reported)|pending|unknown)\b"
)


def calls_in(
    words: str, negative: re.Pattern[str] | None = None, positive: re.Pattern[str] | None = None
) -> frozenset[MarkerCall]:
    """Return every call a lower-cased text makes; more than one means that it contradicts itself.

    `negative` and `positive` are further words of the kind of test ("not amplified", "amplified").
    """
    words = _CONTROLS.sub(" ", words)
    found = set()
    rest = words
    for pattern in (_NEGATIVE, negative):
        if pattern is not None and pattern.search(words):
            found.add(MarkerCall.NEGATIVE)
            rest = _without(rest, pattern, words)
    for pattern, call in ((_INDETERMINATE, MarkerCall.INDETERMINATE), (_EQUIVOCAL, MarkerCall.EQUIVOCAL)):
        if pattern.search(rest):
            found.add(call)
            rest = pattern.sub(" ", rest)
    if any(pattern is not None and pattern.search(rest) for pattern in (_POSITIVE, positive)):
        found.add(MarkerCall.POSITIVE)
    return frozenset(found)


def _without(rest: str, pattern: re.Pattern[str], words: str) -> str:
    """Blank out in `rest` what the pattern matches in the original text, place by place."""
    for match in pattern.finditer(words):
        rest = rest[: match.start()] + " " * (match.end() - match.start()) + rest[match.end() :]
    return rest


def says_not_tested(words: str) -> bool:
    """Say whether a lower-cased text says that there is no result."""
    return _NOT_TESTED.search(words) is not None


def method_in(words: str) -> MarkerMethod:
    """Return the method a lower-cased text names; none or two of them leave it unstated."""
    is_ihc, is_ish = IHC_NAME.search(words) is not None, ISH_NAME.search(words) is not None
    if is_ihc == is_ish:
        return MarkerMethod.UNSTATED
    return MarkerMethod.IHC if is_ihc else MarkerMethod.ISH


def probe_in(words: str) -> str | None:
    """Return "dual" or "single" when a lower-cased text names the probe."""
    is_dual, is_single = DUAL_PROBE.search(words) is not None, SINGLE_PROBE.search(words) is not None
    if is_dual == is_single:
        return None
    return "dual" if is_dual else "single"


def joined(words: Iterable[str]) -> str:
    """Join texts into one lower-cased text, each once."""
    return " | ".join(dict.fromkeys(each.lower() for each in words if each))
