"""The health of bits in words: what is good, what is not, and what to do about it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hashlens.evaluation import DistanceMeaning
from hashlens.reproduce.bit_report import BitReport

FEW = 100
"""Below so many images, figures are called rough."""


class Word(NamedTuple):
    """One judgement.

    Attributes
    ----------
    level : {"good", "fair", "poor"}
    text : str
    """

    level: str
    text: str


def verdict(report: BitReport, meaning: DistanceMeaning | None) -> list[Word]:
    """Judge codes of one length.

    Parameters
    ----------
    report : BitReport
    meaning : DistanceMeaning or None
        What the model knows of its distances.

    Returns
    -------
    words : list of Word
    """
    words = [*_rough(report), *_wasted(report), _balance(report)]
    if report.n_bits > 1:
        words.append(_correlation(report))
    words.append(_collisions(report))
    nearer = report.separation.nearer
    if nearer is not None:
        words.append(_separation(nearer))
    return [*words, _promise(meaning)]


def _rough(report: BitReport) -> list[Word]:
    if report.health.n_codes >= FEW:
        return []
    return [Word("fair", f"Fewer than {FEW} images: take all of this as rough.")]


def _wasted(report: BitReport) -> list[Word]:
    dead, again = report.health.dead_bits, report.health.duplicate_bits
    words = []
    if dead:
        what = f"The same in every image: {_count(dead, report.n_bits)}"
        words.append(Word("poor", f"{what}. Train with fewer bits, or on more varied images."))
    if again:
        less = report.n_bits - len(dead) - len(again)
        what = f"Repeats of an earlier bit: {_count(again, report.n_bits)}"
        words.append(Word("poor", f"{what}. As much is said by {less} bits."))
    return words or [Word("good", "Every bit changes, and none repeats another.")]


def _balance(report: BitReport) -> Word:
    balance = report.health.balance
    mean, lowest = float(balance.mean()), np.argsort(balance, kind="stable")[:3]
    if mean >= 0.9:
        return Word("good", f"Bits are on for about half of the images (balance {mean:.2f} of 1).")
    what = f"Bits lean to one side (balance {mean:.2f} of 1), most of all {_named(lowest)}"
    if mean >= 0.7:
        return Word("fair", f"{what}.")
    advice = "their thresholds do not fit these images. Fit the codes on images like these"
    return Word("poor", f"{what}: {advice}.")


def _correlation(report: BitReport) -> Word:
    effective, n_bits = report.health.effective_bits, report.n_bits
    what = f"{n_bits} bits vary as {effective:.1f} uncorrelated ones would"
    if effective >= n_bits / 2:
        return Word("good", f"Bits say different things: {what}.")
    if report.n_classes > 2 and effective >= 0.7 * (report.n_classes - 1):
        return Word("fair", f"{what}, about what telling {report.n_classes} classes apart takes.")
    return Word("fair", f"{what}: fewer bits may do as well. Compare lengths with evaluate.")


def _collisions(report: BitReport) -> Word:
    found = report.collisions
    if found.across_classes is None:
        alone = f"{100 * (1 - found.shared):.1f} % of the images have a code of their own"
        if found.shared <= 0.05:
            return Word("good", f"{alone}.")
        group = f"{found.largest_group:,} images share one"
        return Word("fair", f"{alone}, and {group}: more bits part what is not the same image.")
    if not found.across_classes:
        return Word("good", "No image shares its code with one of another class.")
    share = f"{100 * found.across_classes:.2g} %"
    what = f"{share} of the images share their code with one of another class"
    if found.across_classes <= 0.01:
        return Word("good", f"{what}.")
    level = "fair" if found.across_classes <= 0.05 else "poor"
    return Word(level, f"{what}: no radius parts them. Use more bits, or re-rank by features.")


def _separation(nearer: float) -> Word:
    what = f"Two images of one class are nearer than two of different ones in {100 * nearer:.1f} %"
    if nearer >= 0.95:
        return Word("good", f"{what} of cases.")
    if nearer >= 0.8:
        return Word("fair", f"{what} of cases.")
    return Word("poor", f"{what} of cases: train on labelled images of these classes.")


def _promise(meaning: DistanceMeaning | None) -> Word:
    if meaning is None:
        what = "What a distance means is unknown: the model was trained without labels"
        return Word("fair", f"{what}, or before this was measured.")
    radius = meaning.radius_for(0.9)
    if radius is not None:
        return Word("good", f"A precision of 0.9 is promised within {radius} bits.")
    most, basis = float(meaning.promised.max()), f"{meaning.n_queries:,} images kept out"
    return Word("fair", f"No precision above {most:.2f} is promised, from {basis} of the training.")


def _count(bits: Sequence[int], n_bits: int) -> str:
    return f"{_named(bits)} ({len(bits)} of {n_bits})"


def _named(bits: "Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]]") -> str:
    shown = ", ".join(str(int(bit)) for bit in bits[:6])
    return f"{'bit' if len(bits) == 1 else 'bits'} {shown}{', ...' if len(bits) > 6 else ''}"
