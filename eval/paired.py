"""Figures of systems that were asked the same things, and what they differ by.

A figure is Σ above / Σ below over what was asked: a mean where each `below` is 1, a share of sentences where they are
the sentences of an answer, bits per byte where they are bytes.

    interval   the bootstrap of `eval.bootstrap`, whole groups drawn together, the same draws for all systems
    p          two-sided, by randomisation: if two systems were alike, the results of each group might as well have
               been swapped between them; p is the share of random swaps that set them as far apart as they are
               (Noreen 1989; for rankings Smucker, Allan, Carterette 2007, CIKM), with the data themselves counted as
               one of the swaps, so that it is never 0 (Phipson, Smyth 2010)

Limits: where everything came out alike there is no interval: chance cannot be read from what does not vary.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.bootstrap import RESAMPLES, Codes, Floats, Interval, at_most, interval_where_defined, resampled_sums

SWAPS = 10_000
_SWAPPED_TOGETHER = 100
_ROUNDING = 1e-12

Sums = Mapping[str, tuple[Sequence[float], Sequence[float]]]
"""By figure, what stands above and below the line for each thing that was asked."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and its interval; `value` is None where there was nothing to divide by, `ci` where chance is unknown."""

    value: float | None
    ci: Interval | None


@dataclass(frozen=True, slots=True)
class Change:
    """What one system has over another in a figure; `groups` is how many were compared."""

    value: float | None
    ci: Interval | None
    p: float | None
    groups: int


class Paired:
    """Systems that were asked the same things; `groups` tells which of those succeed or fail together."""

    def __init__(self, systems: Sequence[Sums], groups: Sequence[Hashable], seed: int, resamples: int = RESAMPLES):
        self.names = tuple(systems[0])
        self._seed = seed
        codes = at_most(numbered(groups), seed)
        self._parts = np.stack([_parts(system, self.names, codes) for system in systems], axis=1)
        flat = self._parts.reshape(len(self._parts), -1)
        self._drawn = resampled_sums(flat, seed, resamples).reshape(-1, *self._parts.shape[1:])

    def figures(self, system: int) -> dict[str, Figure]:
        """The figures of a system, by its place."""
        whole, drawn = _ratios(self._parts[:, system].sum(axis=0)), _ratios(self._drawn[:, system])
        return {
            name: Figure(_number(whole[i]), interval_where_defined(drawn[:, i])) for i, name in enumerate(self.names)
        }

    def changes(self, system: int, baseline: int) -> dict[str, Change]:
        """What `system` has over `baseline`, both by their places, in each figure."""
        parts = self._parts[:, [system, baseline]]
        whole = _difference(parts.sum(axis=0))
        drawn = _difference(self._drawn[:, [system, baseline]])
        counted = (parts[..., 1] > 0).any(axis=1).sum(axis=0)
        p = self._p_values(parts, whole)
        return {
            name: Change(_number(whole[i]), interval_where_defined(drawn[:, i]), _number(p[i]), int(counted[i]))
            for i, name in enumerate(self.names)
        }

    def _p_values(self, parts: Floats, whole: Floats) -> Floats:
        """NaN where a system has no figure."""
        reached, defined = np.ones(len(whole)), np.ones(len(whole))
        for swapped in _swapped(parts, np.random.default_rng((self._seed, SWAPS))):
            apart = np.abs(_difference(swapped))
            defined += np.isfinite(apart).sum(axis=0)
            reached += (apart >= np.abs(whole) - _ROUNDING).sum(axis=0)
        return np.where(np.isfinite(whole), reached / defined, np.nan)


def numbered(groups: Sequence[Hashable]) -> Codes:
    """The groups as numbers from 0 without gaps, in the order in which they come."""
    numbers: dict[Hashable, int] = {}
    codes = (numbers.setdefault(group, len(numbers)) for group in groups)
    return np.fromiter(codes, dtype=np.int64, count=len(groups))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values as they are where so many comparisons are made (Holm 1979, Scand. J. Statist. 6, 65–70).

    With all those below 0.05 called differences, the chance that any of them is none stays below 0.05.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = largest
    return adjusted


def _parts(system: Sums, names: Sequence[str], codes: Codes) -> Floats:
    """The sums over each group: shape (groups, figures, 2)."""
    columns = [np.bincount(codes, weights=np.asarray(side, float)) for name in names for side in system[name]]
    parts: Floats = np.column_stack(columns).astype(np.float64).reshape(-1, len(names), 2)
    return parts


def _swapped(parts: Floats, rng: np.random.Generator) -> Iterator[Floats]:
    """The sums of two systems after random swaps: blocks of shape (swaps, 2, figures, 2)."""
    flat = parts.reshape(len(parts), 2, -1)
    both = flat.sum(axis=(0, 1))
    for _ in range(SWAPS // _SWAPPED_TOGETHER):
        kept = rng.integers(2, size=(_SWAPPED_TOGETHER, len(parts))).astype(float)
        first = kept @ flat[:, 0] + (1 - kept) @ flat[:, 1]
        yield np.stack([first, both - first], axis=1).reshape(-1, *parts.shape[1:])


def _difference(sums: Floats) -> Floats:
    """The first system's figures less the second's, from sums of shape (…, 2, figures, 2)."""
    ratios = _ratios(sums)
    first, second = ratios[..., 0, :], ratios[..., 1, :]
    return np.asarray(first - second)


def _ratios(sums: Floats) -> Floats:
    above, below = sums[..., 0], sums[..., 1]
    ratios: Floats = np.divide(above, below, out=np.full(above.shape, np.nan), where=below > _ROUNDING)
    return ratios


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
