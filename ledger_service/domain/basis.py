"""What the checks of a case can rest on: a chain that answers, a proof of its state, or the file alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from ..errors import Unavailable
from .chain_facts import ChainFacts, ChainReader, LockState
from .checks import Check, Outcome
from .evidence import ChainIdentity
from .hashing import hex0x
from .headers import Header, read_header
from .reading import Reading
from .replay import Replay
from .state_proof import NoProof, ProvenState, StateProof, prove_state
from .stored_words import case_word, lock_of, same_case

Codes = Callable[[ChainIdentity], tuple[bytes, bytes]]  # keccak-256 of the code of ledger and escrow
NOT_ASKED = "no chain asked"


class Basis:
    """`facts` are what a chain answered; where there are none, `without` is the outcome that this leaves, and `why` it
    is so. `proven` is what the evidence's state proof proves under the hash of its newest block."""

    def __init__(
        self, reading: Reading, chain: ChainReader | None, block_hash: str | None = None, codes: Codes | None = None
    ) -> None:
        self.reading, self.chain = reading, chain
        self.block_hash, self.codes = block_hash, codes
        self.facts: ChainFacts | None = None
        self.without: Outcome = "skipped"
        self.why = NOT_ASKED
        if chain is None:
            return
        try:
            self.facts = chain.facts(reading.evidence)
        except Unavailable as error:
            self.without, self.why = "pending", f"the chain does not answer ({error.detail.rstrip('.')})"

    @property
    def offline(self) -> bool:
        """Whether the proof is what the checks rest on."""
        return self.chain is None and self.proven is not None

    @property
    def trusted(self) -> bool:
        """Whether the reader said that the newest block of the evidence is the chain's."""
        own = self.reading.blocks.get(self.reading.evidence.head_block)
        return self.offline and own is not None and own.hash == self.block_hash

    def rests(self, number: int, detail: str, *, provable: bool = True) -> Check:
        """A pass where the chain was asked, or where a proof says so of a block that the reader named; otherwise what
        is left of it."""
        if self.facts is not None:
            return Check(number, "pass", detail)
        if self.offline and provable:
            return Check(number, "pass" if self.trusted else "skipped", f"{detail} {self.if_canonical}")
        return Check(number, self.without, f"{detail} By the evidence alone; {self.why}{self._no_proof}.")

    @property
    def if_canonical(self) -> str:
        own = self.reading.blocks[self.reading.evidence.head_block]
        if self.trusted:
            return f"Proven by the state at block {own.number}, whose hash you gave."
        return f"Proven if, and only if, this block hash is canonical: {own.hash}."

    @property
    def trust(self) -> str:
        """What somebody who believes the report still has to believe."""
        if self.facts is not None:
            return "Left to trust: that the node which was asked tells the truth about its chain."
        evidence = self.reading.evidence
        if not self.offline:
            return f"Left to trust: that the chain holds what the file says; {self.why}{self._no_proof}."
        own = self.reading.blocks[evidence.head_block]
        code = "" if self.codes else f", and that {evidence.chain.ledger} is a ReturnLedger of this release"
        named = f"{own.hash} (block {own.number} of chain {evidence.chain.id})"
        return (
            f"Left to trust, of order, time and amounts: this block hash is canonical, {named}{code}. The file's own "
            "word are transaction hashes, log indexes, the numbers and hashes of earlier blocks, refusals, registered "
            "panels, and to whom money was withdrawn."
        )

    # --- the proof ---------------------------------------------------------------------------------------------------

    @property
    def _no_proof(self) -> str:
        proof = self.reading.evidence.state_proof
        if isinstance(proof, NoProof):
            return f", and the file holds no state proof: {proof.reason}"
        return "" if proof else ", and the file holds no state proof"

    @cached_property
    def headers_problem(self) -> str | None:
        """What is wrong with the headers, in words."""
        evidence = self.reading.evidence
        if evidence.headers and len(evidence.headers) != len(evidence.blocks):
            return "The evidence does not have one header for each of its blocks."
        for block, data in zip(evidence.blocks, evidence.headers, strict=False):
            try:
                header = read_header(data)
            except ValueError as error:
                return f"The header of block {block.number} cannot be read: {error}."
            if header.hash != block.hash:
                return f"The header of block {block.number} hashes to {header.hash}, not to {block.hash}."
            if (header.number, header.time) != (block.number, block.time):
                return f"By its header, block {block.number} is number {header.number} of the time {header.time}."
        return None

    @cached_property
    def _judged(self) -> ProvenState | str | None:
        """What is proven; or what is wrong with the proof, in words; or None where there is none."""
        evidence = self.reading.evidence
        if not isinstance(evidence.state_proof, StateProof):
            return None
        header = self._head_header()
        if header is None:
            return "The state proof has no header of the block that it is of."
        named = evidence.chain
        try:
            return prove_state(evidence.state_proof, header, evidence.case_id, named.ledger, named.escrow)
        except ValueError as error:
            return f"The state proof does not hold: {error}."

    def _head_header(self) -> Header | None:
        evidence = self.reading.evidence
        if self.headers_problem is not None:
            return None
        pairs = zip(evidence.blocks, evidence.headers, strict=False)
        return next((read_header(data) for block, data in pairs if block.number == evidence.head_block), None)

    @property
    def proven(self) -> ProvenState | None:
        return self._judged if isinstance(self._judged, ProvenState) else None

    def timeline_problem(self) -> str | None:
        """Whether the proof contradicts the timeline."""
        if isinstance(self._judged, str):
            return self._judged
        proven, evidence, replayed = self.proven, self.reading.evidence, self.reading.replayed
        if proven is None:
            return None
        at = evidence.head_block
        if proven.head != evidence.head:
            return f"The contract holds the head {hex0x(proven.head)} at block {at}, not {hex0x(evidence.head)}."
        case = replayed.case if isinstance(replayed, Replay) else None
        if not same_case(proven.word, case_word(case) if case else 0):
            return f"What the contract holds of the case at block {at} is not what the records lead to."
        return None

    def code_is_others(self) -> bool:
        """Whether the proof shows other code than that of the contracts."""
        if self.proven is None or self.codes is None:
            return False
        return self.codes(self.reading.evidence.chain) != (self.proven.ledger_code, self.proven.escrow_code)

    def lock(self) -> LockState | None:
        """What the escrow holds of the case, as proven."""
        return lock_of(self.proven.lock) if self.proven else None
