"""How many more battles of two models would make it 80 % sure that a difference as large as the estimated one is told.

After m more battles of the two the variance of their difference d is, by the formula of Sherman and Morrison (1950,
Ann. Math. Statist. 21, 124) for the curvature H + m h z zᵀ within the sandwich H⁻¹ J H⁻¹ of `eval.bradley_terry`,

    v(m) = e (s + m j a²) / (1 + m h a)² · (1 + (f − 1) / (1 + m h a))   and m solves   v(m) = (d / (z.975 + z.80))²

    a, s    the variance of the difference now, by the curvature H⁻¹ and by the sandwich
    h, j    the curvature that one battle adds, and the variance of its slope; h² / j is what it tells. With p the
            expected score in the model fitted and t how often the two tie:
                ties as half     h = p (1 − p)
                                 j = p (1 − p) − t / 4
                Davidson's ties  h = p (1 − p) − τ / 4 − k τ (½ − p)
                                 j = p (1 − p) − t / 4 − 2 k t (½ − p) + k² t (1 − t)
            τ being the model's P(tie) and k = (½ − p) / (1 − τ), which takes from the slope what goes to estimate ν.
            t is of the battles of the two, and one battle more with ties as the model, or all votes, have them.
    e       by how much the bootstraps by prompt and by rater exceed that by vote: new votes come from raters and on
            prompts that agree as little as those so far (the design effect of Kish 1965, Survey Sampling, section 8.2)
    f       by how much the bootstrap by vote exceeds the sandwich: a matter of few votes, which goes as they come

Limits: the estimated difference is taken for the true one: a guide.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import norm

from eval.battles import Floats
from eval.bradley_terry import Fit, Pairs
from eval.rating_intervals import Z

EQUAL = 1e-9
"""Log odds that are no difference but rounding."""
_POWER = float(norm.ppf(0.8))
_MOST_VOTES = 1e9


@dataclass(frozen=True, slots=True)
class Spread:
    """Variances of a difference: `curvature`, `sandwich`, and the largest by which it is judged.

    `few` is the f and `design` the e of the module.
    """

    curvature: float
    sandwich: float
    few: float
    design: float

    @property
    def largest(self) -> float:
        """The larger of the sandwich and the bootstraps."""
        return self.sandwich * self.few * self.design


def spread(found: Fit, better: int, worse: int, draws: Mapping[str, Floats], *, ties: bool) -> Spread:
    """How sure the difference is; with `ties` alone the curvature stands in for the sandwich, which would be 0."""
    curvature, sandwich = (
        float(table[better, better] + table[worse, worse] - 2 * table[better, worse])
        for table in (found.curvature, found.sandwich)
    )
    alone = max(curvature if ties else sandwich, np.finfo(float).tiny)
    drawn = {way: float(np.var(theta[:, better] - theta[:, worse])) for way, theta in draws.items()}
    few = max(1.0, drawn.get("vote", 0.0) / alone)
    return Spread(curvature, alone, few, max(1.0, *(v / (alone * few) for v in drawn.values()), 0.0))


def votes_needed(pairs: Pairs, found: Fit, better: int, worse: int, known: Spread) -> int | None:
    """The votes m; None where the two are equal so far, or no number can be given."""
    d = float(found.theta[better] - found.theta[worse])
    if abs(d) < EQUAL:
        return None
    h, j = _told_by_one(pairs, found, better, worse)
    goal = (d / (Z + _POWER)) ** 2

    def excess(votes: float) -> float:
        shrunk = 1 + votes * h * known.curvature
        v = known.design * (known.sandwich + votes * j * known.curvature**2) / shrunk**2
        return v * (1 + (known.few - 1) / shrunk) - goal

    if excess(0.0) <= 0 or excess(_MOST_VOTES) >= 0:
        return None
    return max(1, math.ceil(float(brentq(excess, 0.0, _MOST_VOTES))))


def _told_by_one(pairs: Pairs, found: Fit, better: int, worse: int) -> tuple[float, float]:
    """h and j of the module."""
    counts = pairs.counts()
    d = float(found.theta[better] - found.theta[worse])
    p, tau, k, usual = float(expit(d)), 0.0, 0.0, float(counts[:, 1].sum() / counts.sum())
    if found.log_nu is not None:
        won, tied, lost = np.exp(np.array([d / 2, found.log_nu, -d / 2]))
        usual = tau = float(tied / (won + tied + lost))
        p = float(won / (won + tied + lost)) + tau / 2
        k = (0.5 - p) / (1 - tau)
    own = counts[(pairs.first == min(better, worse)) & (pairs.second == max(better, worse))].sum(axis=0)
    t = min((own[1] + usual) / (own.sum() + 1), 2 * p, 2 * (1 - p))
    h = p * (1 - p) - tau / 4 - k * tau * (0.5 - p)
    j = p * (1 - p) - t / 4 - 2 * k * t * (0.5 - p) + k * k * t * (1 - t)
    return h, float(j)
