"""Addresses of what the service itself serves: policy pages, questionnaires, its own code systems."""

from dataclasses import dataclass
from urllib.parse import quote

from criteria.policy import Path


def anchor(criterion_id: str) -> str:
    """Return the anchor of a criterion on its policy's page: its id, fit for a URL fragment and an HTML id."""
    return quote(criterion_id, safe="/-._~")


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses below the public base address of this service."""

    base_url: str

    def __post_init__(self) -> None:
        """Refuse a base that is not an absolute web address: clients open these links from elsewhere."""
        if not self.base_url.startswith(("http://", "https://")):
            raise ValueError(f"base address is not absolute: {self.base_url!r}")

    def policy(self, policy_id: str) -> str:
        """Return the address of a policy's page."""
        return f"{self._base}/policies/{quote(policy_id, safe='/')}"

    def criterion(self, policy_id: str, criterion_id: str) -> str:
        """Return the address of one criterion on its policy's page."""
        return f"{self.policy(policy_id)}#{anchor(criterion_id)}"

    def questionnaire(self, path: Path) -> str:
        """Return the canonical address, without version, of the questionnaire of a path."""
        return questionnaire_url(self.base_url, path)

    @property
    def override_reasons(self) -> str:
        """Return the code system of the reasons to override a card."""
        return f"{self._base}/fhir/CodeSystem/override-reasons"

    @property
    def _base(self) -> str:
        return self.base_url.rstrip("/")


def questionnaire_url(base_url: str, path: Path) -> str:
    """Return the canonical address, without version, of the questionnaire of a path."""
    return f"{base_url.rstrip('/')}/fhir/Questionnaire/{quote(path.questionnaire_id, safe='')}"
