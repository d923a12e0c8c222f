"""Images of every broken kind: none may crash, hang or fill the memory; each is reported.

    python -m benchmarks.reliability.broken_images [--quick] [--seed 0] [--n 500]

A seeded fuzzer makes them from real photos: damaged ones, bombs, no images at all, and ones that
are sound but rare, whose right pixels are known. A process of its own decodes each, and then adds
all of them to a collection.
"""

import argparse
import os
import resource
import tempfile
import time
from collections import Counter
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import numpy as np
from benchmarks.reliability._bombs import BOMBS, large_but_allowed
from benchmarks.reliability._damage import DAMAGE
from benchmarks.reliability._photos import some_photos
from benchmarks.reliability._script import Tables, run_script, small_model
from benchmarks.reliability._sound import SOUND, Case

from hashlens.collection import Collection
from hashlens.data import decode_image
from hashlens.data.decode import MAX_PIXELS
from hashlens.errors import ImageError

MOST_SECONDS = 30.0  # for one image, on a machine that does other things too
MOST_BYTES = 12 * MAX_PIXELS  # for one image: three copies of the largest with transparency
NOBODY = 65_534
EVERY_LARGE = 100  # one in so many images is as large as is allowed


class Outcome(NamedTuple):
    """What became of a file: "read" or "refused", why, and what is wrong with that."""

    became: str
    reason: str
    seconds: float
    wrong: str


def play(arguments: argparse.Namespace, failures: list[str]) -> Tables:
    cases, source = make_cases(int(arguments.n), arguments.seed, quick=arguments.quick)
    with tempfile.TemporaryDirectory() as scratch:
        paths = [write(case, Path(scratch), i) for i, case in enumerate(cases)]
        special = make_special(Path(scratch))
        context = get_context("spawn")
        ours, theirs = context.Pipe()
        work = (theirs, Path(scratch), cases, paths, special)
        child = context.Process(target=decode_all, args=work)
        child.start()
        theirs.close()
        try:
            outcomes, figures = ours.recv()
        except EOFError:
            child.join()
            failures.append(f"the process ended with exit code {child.exitcode}")
            return {}
        child.join()
    found = list(zip([*cases, *special], outcomes, strict=True))
    for case, outcome in found:
        if outcome.wrong:
            failures.append(f"{case.kind}, {case.name!r}: {outcome.wrong} ({outcome.reason})")
    failures += figures.pop("wrong")
    summary = {"images": len(found), "from": source, "failures": len(failures), **figures}
    return {"summary": [summary], "kinds": by_kind(found)}


def make_cases(n: int, seed: int, *, quick: bool) -> tuple[list[Case], str]:
    n = min(n, 48) if quick else n
    photos, source = some_photos(64, seed)
    rng = np.random.default_rng(seed)
    makes = [*SOUND, *DAMAGE, *DAMAGE, *BOMBS]
    cases = []
    for i in range(n):
        is_large = not quick and i % EVERY_LARGE == EVERY_LARGE - 1
        make = large_but_allowed if is_large else makes[i % len(makes)]
        cases.append(make(photos[rng.integers(len(photos))], rng))
    return cases, source


def write(case: Case, folder: Path, i: int) -> Path:
    """Write a case to a file of its name, in a folder of its own."""
    home = folder / "images" / f"{i:04d}"
    home.mkdir(parents=True)
    path = Path(os.fsdecode(os.path.join(os.fsencode(home), case.name)))  # noqa: PTH118 - bytes
    path.write_bytes(case.content)
    return path


def make_special(folder: Path) -> list[Case]:
    """Names that are no plain files: pipes, circles, folders, devices, dangling links."""
    home = folder / "images" / "special"
    home.mkdir()
    os.mkfifo(home / "pipe.jpg")
    (home / "folder.jpg").mkdir()
    (home / "loop.jpg").symlink_to(home / "loop.jpg")
    (home / "circle").symlink_to(home)
    (home / "gone.jpg").symlink_to(home / "nothing.jpg")
    (home / "zero.jpg").symlink_to("/dev/zero")
    (home / "locked.jpg").write_bytes(b"P5 1 1 255 A")
    (home / "locked.jpg").chmod(0)
    names = ["pipe.jpg", "folder.jpg", "loop.jpg", "circle", "gone.jpg", "zero.jpg", "locked.jpg"]
    return [Case("no plain file", name.encode(), b"", "refused") for name in names]


def decode_all(
    answer: Connection, scratch: Path, cases: list[Case], paths: list[Path], special: list[Case]
) -> None:
    """In a process of its own: decode each, then add all; send outcomes and figures."""
    specials = [scratch / "images" / "special" / case.name.decode() for case in special]
    decode_image(b"P5 1 1 255 A")
    outcomes, growths = [], [0]
    for case, path in zip([*cases, *special], [*paths, *specials], strict=True):
        before = peak_bytes()
        outcomes.append(decoded(case, path))
        growths.append(peak_bytes() - before)
    figures = {
        "slowest image, s": round(max(outcome.seconds for outcome in outcomes), 2),
        "one image, MB": round(max(growths) / 1e6),
    }
    wrong = [] if max(growths) < MOST_BYTES else [f"one image took {max(growths):,} bytes"]
    sound = [path for path, one in zip(paths, outcomes, strict=False) if one.became == "read"]
    figures |= added(scratch, [*paths, *specials[:-1]], sound, wrong)
    answer.send((outcomes, {**figures, "wrong": wrong}))


def decoded(case: Case, path: Path) -> Outcome:
    """Decode one file, and compare what came with what should."""
    started = time.monotonic()
    is_locked = path.name == "locked.jpg" and os.geteuid() == 0
    if is_locked:
        path.parents[2].chmod(0o755)
        os.seteuid(NOBODY)  # the superuser may read what is locked
    try:
        pixels, reason = decode_image(path), ""
    except ImageError as error:
        pixels, reason = None, error.reason
    finally:
        if is_locked:
            os.seteuid(0)
    seconds = time.monotonic() - started
    became = "refused" if pixels is None else "read"
    return Outcome(became, reason, seconds, wrongness(case, pixels, reason, seconds))


def wrongness(case: Case, pixels: np.ndarray | None, reason: str, seconds: float) -> str:
    if seconds > MOST_SECONDS:
        return f"took {seconds:.1f} s"
    if pixels is None:
        return "refused, but sound" if case.want == "sound" else "" if reason else "no reason"
    if case.want == "refused":
        return "read, but no sound image"
    if case.pixels is None or case.want != "sound":
        return ""
    if pixels.shape != case.pixels.shape:
        return f"read as {pixels.shape} for {case.pixels.shape}"
    off = float(np.abs(pixels.astype(int) - case.pixels).mean())
    return f"off by {off:.1f} levels" if off > case.tolerance else ""


def added(
    scratch: Path, paths: list[Path], sound: list[Path], wrong: list[str]
) -> dict[str, float]:
    """Add all files by name, then the folder they are in; compare the counts."""
    started = time.monotonic()
    collection = Collection.create(scratch / "c.hl", small_model())
    report = collection.add(paths)
    skipped = Counter(bool(reason) for _, reason in report.skipped)
    if report.added != len(sound):
        wrong.append(f"{report.added} images were added, {len(sound)} can be read")
    if skipped != {True: len(paths) - len(sound)}:
        wrong.append(f"{skipped} were reported for {len(paths) - len(sound)} that cannot be read")
    again = collection.add(scratch / "images")
    if again.already != len(sound):
        wrong.append(f"{again.already} of {len(sound)} were found again in the folder")
    if not collection.verify().is_whole:
        wrong.append("the collection is not whole")
    return {
        "read": len(sound),
        "refused": len(paths) + 1 - len(sound),
        "adding all, s": round(time.monotonic() - started, 1),
        "a process that decodes, peak MB": round(peak_bytes(resource.RUSAGE_CHILDREN) / 1e6),
    }


def peak_bytes(who: int = resource.RUSAGE_SELF) -> int:
    """The most memory that this process, or one of those that it has ended, ever had."""
    return 1024 * resource.getrusage(who).ru_maxrss


def by_kind(found: list[tuple[Case, Outcome]]) -> list[dict[str, object]]:
    rows = []
    for kind in sorted({case.kind for case, _ in found}):
        of_kind = [outcome for case, outcome in found if case.kind == kind]
        became = Counter(outcome.became for outcome in of_kind)
        row = {"kind": kind, "images": len(of_kind)}
        row |= {"read": became["read"], "refused": became["refused"]}
        row |= {"wrong": sum(bool(outcome.wrong) for outcome in of_kind)}
        rows.append(row | {"slowest, s": round(max(one.seconds for one in of_kind), 2)})
    return rows


if __name__ == "__main__":
    run_script("broken-images", __doc__.splitlines()[0], play, {"n": 500})
