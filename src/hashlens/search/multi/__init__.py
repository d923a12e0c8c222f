"""Multi-index hashing: exact search that visits few codes, and when it pays."""
