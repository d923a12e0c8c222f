"""What all tests need of the process that they run in."""

import signal


def pytest_configure() -> None:
    """Let Ctrl-C be heard also where a shell runs the tests in the background: it ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
