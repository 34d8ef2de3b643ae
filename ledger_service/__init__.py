"""After-sales audit ledger: records, proofs and escrowed refunds for cross-border returns."""

__version__ = "0.1.0"
