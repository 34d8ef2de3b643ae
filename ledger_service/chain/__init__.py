"""The chain: its client, the contracts' ABI and addresses, deployment, and chains of our own on this machine."""
