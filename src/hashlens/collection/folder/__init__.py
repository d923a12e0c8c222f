"""The engine of a collection in a folder: a SQLite catalogue and memory-mapped rows."""
