"""The ledger over HTTP. Nothing imports this package but the command line's `serve` and `run`."""
