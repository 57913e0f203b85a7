"""Bradley and Terry's model: the ratings that fit all battles best, in whatever order they came.

    P(i beats j) = 1 / (1 + 10^(−(R_i − R_j) / 400)) = 1 / (1 + e^(−d)),   d = θ_i − θ_j
                                                       (Bradley, Terry 1952, Biometrika 39, 324; Zermelo 1929)
    ties as half      a tie counts as half a win for each: a quasi-likelihood, whose slope is right, but whose curvature
                      is not the variance; hence the sandwich below
    Davidson's ties   P(win) : P(tie) : P(loss) = e^(d/2) : ν : e^(−d/2)   (Davidson 1970, JASA 65, 317)
                      with many ties differences come out larger: here d is of decided battles alone

The likelihood is maximised by Newton's method for many sets of counts at once, as resampling needs it; it takes a
few steps where the minorization of Hunter (2004, Ann. Statist. 32, 384), the other usual way, can take hundreds. A weak
ridge, ½ λ Σ θ², with λ = 0.001 (as much as 0.004 of a vote tells), keeps all finite and makes the mean of each
connected group 0. Standard errors are of the sandwich H⁻¹ J H⁻¹ (Huber 1967; White 1982, Econometrica 50, 1): they hold
where ties as half, or the model itself, are not true to the votes, as long as votes are independent.

Limits: one number a model cannot express that A beats B, B beats C and C beats A. Votes are taken as independent; where
raters or prompts repeat, see the intervals by rater and by prompt in `eval.rating_intervals`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.special import expit

from eval.battles import Battles, Floats, Ints
from eval.elo import SCALE
from eval.units import units

POINTS = SCALE / np.log(10)
"""Rating points of one unit of log odds."""
MEAN = 1500.0
RIDGE = 1e-3
_TOLERANCE = 1e-6
_STEPS = 200
_CHEAP_STEPS = 12
_CLOSE = 1e-5
"""Log odds, 0.002 points: near enough for one of a thousand rounds."""
_LONGEST_STEP = 2.0
"""Log odds; whole steps overshoot where a model won nearly everything."""
_SCORES = np.array([1.0, 0.5, 0.0])
_TIE = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Which models met: pair p is of `first[p]` < `second[p]`.

    `outcome` holds for each vote 3 p + 0 where the first won, + 1 a tie, + 2 where the second won; `incidence`, of
    shape (models, pairs), +1 for the first and −1 for the second model of each pair; `groupings`, the prompt and the
    rater of each vote where they are known.
    """

    models: int
    first: Ints
    second: Ints
    outcome: Ints
    incidence: csr_array
    groupings: dict[str, Ints]

    def counts(self) -> Floats:
        """How often each pair ended in each way, of shape (pairs, 3)."""
        return np.bincount(self.outcome, minlength=3 * len(self.first)).reshape(-1, 3).astype(float)

    def won(self) -> Floats:
        """What each model took from each other, a tie a half, of shape (models, models)."""
        matrix, counts = np.zeros((self.models, self.models)), self.counts()
        matrix[self.first, self.second] = counts @ _SCORES
        matrix[self.second, self.first] = counts @ _SCORES[::-1]
        return matrix

    def units(self) -> Ints:
        """The independent judgements in the votes of each model against each other, of shape (models, models)."""
        matrix = np.zeros((self.models, self.models), np.intp)
        found = units(self.groupings, self.outcome // 3, len(self.first))
        matrix[self.first, self.second] = matrix[self.second, self.first] = found
        return matrix

    def units_among(self, some: NDArray[np.bool_]) -> int:
        """The independent judgements in the votes of some of the pairs together."""
        return int(units(self.groupings, some[self.outcome // 3].astype(np.intp), 2)[1])


def pairs_of(battles: Battles) -> Pairs:
    """The pairs of all votes."""
    models, swapped = len(battles.names), battles.left > battles.right
    first, second = np.where(swapped, (battles.right, battles.left), (battles.left, battles.right))
    codes, pair = np.unique(first * models + second, return_inverse=True)
    score = np.where(swapped, 1 - battles.score, battles.score)
    outcome = 3 * pair + np.rint(2 - 2 * score).astype(np.intp)
    first, second = codes // models, codes % models
    return Pairs(models, first, second, outcome, _incidence(models, first, second), battles.groupings)


def _incidence(models: int, first: Ints, second: Ints) -> csr_array:
    places, ones = np.arange(len(first)), np.ones(len(first))
    rows, values = np.concatenate((first, second)), np.concatenate((ones, -ones))
    return coo_array((values, (rows, np.tile(places, 2))), (models, len(places))).tocsr()


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The best fit: `theta` in log odds with mean 0 in each group, `log_nu` where ties are Davidson's.

    `sandwich` and `curvature` are covariances of `theta`, of shape (models, models): H⁻¹ J H⁻¹ and H⁻¹. Only
    differences within a class (`eval.connections`) have a meaning in them.
    """

    theta: Floats
    log_nu: float | None
    sandwich: Floats
    curvature: Floats


def fit(pairs: Pairs, *, davidson: bool = False, ridge: float = RIDGE) -> Fit:
    """The model of all votes."""
    counts, models = pairs.counts(), pairs.models
    davidson = davidson and bool(counts[:, 1].any())  # without a tie the two models are one
    found = solve(pairs, counts[None], davidson=davidson, ridge=ridge).T
    inverse = np.linalg.inv(_curvature(pairs, counts.sum(axis=1, keepdims=True), found, ridge)[0])
    score, tie = _expected(pairs, found)
    won, drawn = _SCORES - score, _TIE - tie
    squares = ((counts * product).sum(axis=1, keepdims=True) for product in (won * won, won * drawn, drawn * drawn))
    sandwich = inverse @ _products(pairs, len(found), *squares)[0] @ inverse
    log_nu = float(found[models, 0]) if davidson else None
    return Fit(found[:models, 0], log_nu, sandwich[:models, :models], inverse[:models, :models])


def solve(
    pairs: Pairs, counts: Floats, *, davidson: bool = False, ridge: float = RIDGE, start: Floats | None = None
) -> Floats:
    """The best fits of many sets of counts, of shape (sets, pairs, 3).

    Gives shape (sets, models), with log ν in a further column where `davidson`. `start` is the fit of about the mean of
    all sets: its curvature serves for all as long as that converges quickly, which saves the time of computing each.
    Raises ArithmeticError where a fit does not converge, which a ridge above 0 rules out.
    """
    totals = [np.ascontiguousarray(of.T) for of in (counts.sum(axis=2), counts @ _SCORES, counts[:, :, 1])]
    found = np.zeros((pairs.models + davidson, len(counts)))
    left = np.arange(len(counts))
    if start is not None:
        near, converged = _climb(pairs, totals, start, ridge)
        found[:, converged] = near[:, converged]
        left = np.flatnonzero(~converged)
    for _ in range(_STEPS):
        if not len(left):
            return found.T
        slope = _slope(pairs, [of[:, left] for of in totals], found[:, left], ridge)
        curvature = _curvature(pairs, totals[0][:, left], found[:, left], ridge)
        step = np.linalg.solve(curvature, slope.T[:, :, None])[:, :, 0].T
        found[:, left] += _shortened(np.asarray(step, float))
        left = left[np.abs(step).max(axis=0) >= _TOLERANCE]
    raise ArithmeticError(f"Newton's method did not converge in {_STEPS} steps; use a ridge above {ridge:g}")


def _climb(pairs: Pairs, totals: Sequence[Floats], start: Floats, ridge: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Some steps from `start` with one curvature for all sets, and which of them have arrived.

    To arrive in so few steps each must be much shorter than the one before, so that what is missing is smaller still.
    """
    mean = totals[0].mean(axis=1, keepdims=True)
    inverse = np.linalg.inv(_curvature(pairs, mean, start[:, None], ridge)[0])
    found = np.repeat(start[:, None], totals[0].shape[1], axis=1)
    for _ in range(_CHEAP_STEPS):
        step = inverse @ _slope(pairs, totals, found, ridge)
        found += _shortened(step)
        converged = np.abs(step).max(axis=0) < _CLOSE
        if converged.all():
            break
    return found, converged


def _shortened(step: Floats) -> Floats:
    longest = np.maximum(np.abs(step).max(axis=0), _LONGEST_STEP)
    return np.asarray(step * (_LONGEST_STEP / longest))


def _slope(pairs: Pairs, totals: Sequence[Floats], found: Floats, ridge: float) -> Floats:
    """The gradient at `found`, both of shape (parameters, sets)."""
    total, taken, drawn = totals
    score, tie = _expected(pairs, found)
    slope = pairs.incidence @ (taken - total * score)
    if len(found) > pairs.models:
        slope = np.concatenate((slope, (drawn - total * tie).sum(axis=0, keepdims=True)))
    return np.asarray(slope - ridge * found)


def _curvature(pairs: Pairs, total: Floats, found: Floats, ridge: float) -> Floats:
    """Minus the second derivatives at `found`, of shape (sets, parameters, parameters).

    The model is of the exponential family: they are the variances of score and tie, and their covariance.
    """
    score, tie = _expected(pairs, found)
    variance = score * (1 - score) - tie / 4
    moments = (variance, tie * (0.5 - score), tie * (1 - tie))
    return _products(pairs, len(found), *(total * moment for moment in moments)) + ridge * np.eye(len(found))


def _expected(pairs: Pairs, found: Floats) -> tuple[Floats, Floats]:
    """The first model's expected score and P(tie), 0 in a model without ties; each of shape (pairs, sets)."""
    d = found[pairs.first] - found[pairs.second]
    if len(found) == pairs.models:
        return expit(d), np.zeros((1, 1))
    log_nu = found[pairs.models]
    top = np.maximum(np.abs(d) / 2, log_nu)
    win, tie, loss = np.exp(d / 2 - top), np.exp(log_nu - top), np.exp(-d / 2 - top)
    total = win + tie + loss
    return (win + tie / 2) / total, tie / total


def _products(pairs: Pairs, parameters: int, score: Floats, both: Floats, tie: Floats) -> Floats:
    """Σ over pairs of the products of their slopes, of shape (sets, parameters, parameters).

    The weights, of shape (pairs, sets), are `score` among the models, `tie` of log ν, and `both` between.
    """
    models = pairs.models
    matrix = np.zeros((parameters, parameters, score.shape[1]))
    matrix[pairs.first, pairs.second] = matrix[pairs.second, pairs.first] = -score
    diagonal = np.arange(models)
    matrix[diagonal, diagonal] = -matrix[:models, :models].sum(axis=1)
    if parameters > models:
        matrix[:models, models] = matrix[models, :models] = pairs.incidence @ both
        matrix[models, models] = tie.sum(axis=0)
    return np.moveaxis(matrix, 2, 0)
