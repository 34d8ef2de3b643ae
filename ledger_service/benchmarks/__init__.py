"""What `ledger bench` measures, on a chain that it starts for itself."""
