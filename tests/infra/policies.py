"""What a policy allows, as IAM judges it: a small part, and enough for policies without conditions.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.infra.server.calls import Call


@dataclass(frozen=True, slots=True)
class Policy:
    """One document, as JSON."""

    document: str

    def allows(self, call: Call) -> bool:
        """Tell whether a statement allows *call*."""
        return any(
            fnmatchcase(call.action, action) and fnmatchcase(call.resource, resource)
            for action, resource in self._pairs()
        )

    def actions(self) -> set[str]:
        """List every action that it allows on something."""
        return {action for action, _ in self._pairs()}

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for statement in json.loads(self.document)["Statement"]:
            assert statement["Effect"] == "Allow"
            assert "Condition" not in statement
            for action in _listed(statement["Action"]):
                for resource in _listed(statement["Resource"]):
                    yield action, resource


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
