"""The policies that ship with the service, by code and by their name on the chain."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from ..domain.hashing import hex0x
from ..domain.policies import Policy, parse_policy
from ..errors import IntegrityFailure, InvalidInput


class Policies:
    """`by_code` finds the version that new cases take, `by_id` any version that a case may have."""

    def __init__(self, policies: list[Policy]) -> None:
        self._by_id = {hex0x(policy.id()): policy for policy in policies}
        self._by_code: dict[str, Policy] = {}
        for policy in sorted(policies, key=lambda policy: policy.version):
            self._by_code[policy.code] = policy

    def by_code(self, code: str) -> Policy:
        """Raises InvalidInput for a code that is none of ours."""
        try:
            return self._by_code[code]
        except KeyError:
            raise InvalidInput(
                f"There is no policy {code!r}.", field="policy", remedy="Send one of " + ", ".join(self.codes()) + "."
            ) from None

    def by_id(self, policy_id: str) -> Policy:
        """Raises IntegrityFailure for a policy that no file of ours describes."""
        try:
            return self._by_id[policy_id]
        except KeyError:
            raise IntegrityFailure(
                f"No policy file has the hash {policy_id}.",
                remedy="Restore the policy file that the case was opened with.",
            ) from None

    def codes(self) -> list[str]:
        return sorted(self._by_code)

    def all(self) -> list[Policy]:
        return list(self._by_id.values())


@cache
def shipped_policies() -> Policies:
    folder = files("ledger_service") / "policies"
    documents = [json.loads(file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".json")]
    return Policies([parse_policy(document) for document in documents])
