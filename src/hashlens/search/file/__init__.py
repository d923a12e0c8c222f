"""The index file: an append-only log of checked sections."""
