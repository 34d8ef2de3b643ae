"""What the users do: open, state, look, audit. Each function is one use, and one unit of work."""
