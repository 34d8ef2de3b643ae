"""The commands of `ledger`, a module a user."""
