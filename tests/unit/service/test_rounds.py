"""Which rounds of votes a case has been through, read from its records."""

from __future__ import annotations

import pytest

from ledger_service.domain.disputes import APPEAL, CHALLENGE, CHALLENGE_FALLBACK, FALLBACK, FIRST
from ledger_service.services.rounds import rounds_of

BY_CONSUMER, BY_MERCHANT, BY_RULE = ("disputed", "consumer"), ("disputed", "merchant"), ("disputed", "none")
APPEALED, CHALLENGED = ("appealed", "merchant"), ("challenged", "consumer")


@pytest.mark.parametrize(
    ("steps", "rounds"),
    [
        ([], []),
        ([BY_CONSUMER], [FIRST]),
        ([BY_RULE], [FIRST]),
        ([BY_CONSUMER, BY_MERCHANT, BY_CONSUMER], [FIRST]),
        ([BY_CONSUMER, BY_RULE], [FIRST, FALLBACK]),
        ([BY_RULE, BY_RULE], [FIRST, FALLBACK]),
        ([BY_CONSUMER, APPEALED], [FIRST, APPEAL]),
        ([BY_CONSUMER, BY_RULE, APPEALED, BY_CONSUMER], [FIRST, FALLBACK, APPEAL]),
        ([CHALLENGED], [CHALLENGE]),
        ([CHALLENGED, BY_CONSUMER, BY_RULE], [CHALLENGE, CHALLENGE_FALLBACK]),
        (
            [BY_CONSUMER, BY_RULE, APPEALED, CHALLENGED, BY_RULE],
            [FIRST, FALLBACK, APPEAL, CHALLENGE, CHALLENGE_FALLBACK],
        ),
    ],
)
def test_rounds_of_a_case(steps: list[tuple[str, str]], rounds: list[int]) -> None:
    assert rounds_of(steps) == rounds
