"""The vocabulary of policy files: one row per kind of test."""

from collections.abc import Mapping
from types import MappingProxyType

from criteria.predicates import (
    combination,
    disease,
    documentation,
    duration,
    lines,
    marker,
    person,
    plan,
    preferred,
    therapy,
)
from criteria.predicates.context import PredicateClass

PREDICATES: Mapping[str, type[PredicateClass]] = MappingProxyType(
    {
        "aged": person.Aged,
        "diagnosed": disease.Diagnosed,
        "recurrent-tumour": disease.RecurrentTumour,
        "early-disease": disease.EarlyDisease,
        "metastatic-disease": disease.MetastaticDisease,
        "recurrent-unresectable-or-metastatic": disease.RecurrentUnresectableOrMetastatic,
        "brain-metastases": disease.BrainMetastases,
        "advanced-disease": disease.AdvancedDisease,
        "her2-positive": marker.Her2Positive,
        "receptor-status-documented": marker.ReceptorStatusDocumented,
        "gene-variant": marker.GeneVariant,
        "residual-disease": marker.ResidualDisease,
        "prior-therapy": therapy.PriorTherapy,
        "prior-regimens": therapy.PriorRegimens,
        "regimen-in-metastatic-setting": therapy.RegimenInMetastaticSetting,
        "line-of-therapy": lines.LineOfTherapy,
        "second-line-without-alternative": lines.SecondLineWithoutAlternative,
        "metastatic-therapy-or-early-recurrence": lines.MetastaticTherapyOrEarlyRecurrence,
        "subsequent-therapy": therapy.SubsequentTherapy,
        "neoadjuvant-course": duration.NeoadjuvantCourse,
        "within-treatment-duration": duration.WithinTreatmentDuration,
        "not-combined-with": combination.NotCombinedWith,
        "combined-with": combination.CombinedWith,
        "documented": documentation.Documented,
        "stated": documentation.Stated,
        "tolerated": documentation.Tolerated,
        "no-progression": documentation.NoProgression,
        "review-only": documentation.ReviewOnly,
        "measured": documentation.Measured,
        "preferred-failed": preferred.PreferredFailed,
        "preferred-ruled-out": preferred.PreferredRuledOut,
        "preferred-unavailable": preferred.PreferredUnavailable,
        "completing-current-course": plan.CompletingCurrentCourse,
        "step-therapy-prohibited": plan.StepTherapyProhibited,
        "supporting-documentation": plan.SupportingDocumentation,
        "on-label": plan.OnLabel,
    }
)
