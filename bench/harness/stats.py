"""Medians, ratios and their intervals."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A median and the interval around it."""

    median: float
    low: float
    high: float
    count: int
    confidence: float = math.nan  # the chance that it holds the distribution's median

    @property
    def deviation(self) -> float:
        """How far the interval of a ratio reaches from 1: of an A/A row, the noise."""
        return max(abs(self.low - 1), abs(self.high - 1))


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value with at least PERCENT of all at or below it (nearest rank)."""
    ordered = sorted(values)
    rank = math.ceil(len(ordered) * percent / 100)
    return ordered[max(rank, 1) - 1]


def cover(count: int, skipped: int) -> float:
    """The chance that the median of the sampled distribution lies between the SKIPPED + 1st lowest
    and highest of COUNT."""
    missed = sum(math.comb(count, k) for k in range(skipped + 1)) / 2**count
    return 1 - 2 * missed


def interval(values: Sequence[float]) -> Interval:
    """The median of VALUES, and the narrowest pair of them that holds it with 95 % confidence;
    with up to five values no pair does, and it is the widest (93.75 % with five).

    It supposes nothing about how the values are distributed. Up to eight values it is the lowest
    and the highest."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    skipped = 0
    while 2 * (skipped + 1) < len(ordered) and cover(len(ordered), skipped + 1) >= CONFIDENCE:
        skipped += 1
    return Interval(
        statistics.median(ordered),
        ordered[skipped],
        ordered[len(ordered) - 1 - skipped],
        len(ordered),
        cover(len(ordered), skipped),
    )


def ratios(above: dict[int, float], below: dict[int, float]) -> list[float]:
    """Round by round ABOVE ÷ BELOW, for the rounds that both have."""
    return [above[k] / below[k] for k in sorted(above.keys() & below.keys()) if below[k] > 0]
