"""What is compiled is announced once, and works where nothing can be kept."""

import os
import subprocess
import sys
from pathlib import Path

from hashlens.compiling import announcement

TWO_LOOPS = """
import numpy as np
from hashlens.search.scan_kernels import blocks_of_tile, n_levels
blocks = np.zeros((1, 1, 64), np.uint16)
assert (n_levels(blocks), blocks_of_tile(blocks)) == (17, 128)
"""


def errors_of(code: str, **environment: str) -> list[str]:
    """Run `code`; give the lines on stderr."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stderr.splitlines()


def test_the_first_compilation_is_announced_on_one_line(tmp_path: Path) -> None:
    lines = errors_of(TWO_LOOPS, NUMBA_CACHE_DIR=str(tmp_path))
    assert len(lines) == 1
    assert lines[0].startswith(announcement(str(tmp_path)))
    assert errors_of(TWO_LOOPS, NUMBA_CACHE_DIR=str(tmp_path)) == []


def test_where_no_folder_can_be_written_it_is_compiled_anew_each_time() -> None:
    lines = errors_of(TWO_LOOPS, NUMBA_CACHE_LOCATOR_CLASSES="ZipCacheLocator")
    assert lines == [announcement(None)]  # the package is no archive: there is no such place
