"""The command line: parse, one call, print."""

from hashlens.cli.app import app, main

__all__ = ["app", "main"]
