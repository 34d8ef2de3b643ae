"""What a return is: records, proofs, the case machine, policies, money. Pure: no I/O, no clock, no randomness."""
