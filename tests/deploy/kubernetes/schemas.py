"""Validation by Kubernetes' own schemas, which lie in the library's wheel."""

import jsonschema
import kubernetes_validate  # type: ignore[import-untyped]

from tests.deploy.kubernetes.rendering import Document

NEWEST: str = kubernetes_validate.latest_version()
NOT_VALID = (jsonschema.ValidationError, kubernetes_validate.SchemaNotFoundError)


def validate(document: Document, version: str) -> None:
    """Raises one of NOT_VALID, for a kind that is not known too: the command of the library only warns of it."""
    kubernetes_validate.validate(document, version, strict=True)
