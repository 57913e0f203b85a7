"""What else than the models moved the votes: the side on which an answer stood, and its length.

    log odds that left wins = θ_left − θ_right + Σ β x      (Bradley and Terry's model with covariates: Agresti 2013,
                                                             Categorical Data Analysis, 11.6; in arenas: Li et al. 2024)
    position    x = 1 in every battle: what standing left is worth
    length      x = log2((left_length + 1) / (right_length + 1)): what being twice as long is worth

Ties count as half; standard errors are of the sandwich by vote. `adjusted` are the ratings that remain when the effects
are taken away: what the models would have on the same side, at the same length.

Where one side won every battle, the best fit of its worth is without limit: there is no estimate, and the interval is
open on this side. Its other end is the worth with which so many independent judgements (`eval.units`) would all end so
with a chance of 2.5 % at most, whatever the ratings and the worth of length (Clopper, Pearson 1934, Biometrika 26, 404;
the chance is the likelihood at its largest over these). Battles across classes (`eval.connections`) have no part in it:
ratings alone can make them certain.

Limits: this is association. A longer answer may be preferred for what it says, so adjusting for length can take away
merit. An effect is None where the votes cannot tell it from the ratings, as where one side always held the same models;
and where all the votes that bear on it are ties, from which chance cannot be read.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, log_expit

from eval.battles import Battles, Floats
from eval.bradley_terry import MEAN, POINTS, RIDGE, pairs_of
from eval.connections import connections
from eval.rating_intervals import TAIL, Flags, Z
from eval.units import units

_TOLERANCE = 1e-6
_STEPS = 1000
_LONGEST_STEP = 2.0
_LEAST_INFORMATION = 0.1
"""Of an effect beside the ratings; below it the standard error is over 3 units of log odds, and the ridge's work."""
_LEAST_VARIANCE = 1e-3
"""Of an effect, as a share of what the model expects; below it all votes that bear on it are ties: the rest is rounding
and the ridge."""
_WEAKEST_RIDGE = 1e-6
_FAR = 5.0
"""Log odds, 870 points: a limit that is not nearer than this says nothing."""
_NEAR = 1e-4
_SIDES = {1.0: "left", 0.0: "right"}


@dataclass(frozen=True, slots=True)
class Effect:
    """In rating points: by how much the rating of the left (or of the answer twice as long) is raised.

    Where one side won every battle, `points` and `se` are None, and so is the end of `ci` that is open.
    """

    points: float | None
    se: float | None
    ci: tuple[float | None, float | None]


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Effects by name, None where the votes cannot tell; `adjusted` ratings of all models, None where one has none.

    `always` is the side that won every battle, if one did.
    """

    found: dict[str, Effect | None]
    adjusted: Floats | None
    always: str | None = None


def effects(battles: Battles) -> Effects:
    """Position, and length where the battles have lengths, estimated together with the ratings."""
    columns = {"position": np.ones(len(battles.score))}
    if battles.lengths is not None:
        columns["length"] = np.log2((battles.lengths[:, 0] + 1) / (battles.lengths[:, 1] + 1))
    always = _SIDES.get(battles.score[0]) if np.ptp(battles.score) == 0 else None
    if always:
        return Effects({**dict.fromkeys(columns), "position": _open(battles, columns, always)}, None, always)
    return _estimated(battles, columns)


def _estimated(battles: Battles, columns: dict[str, Floats]) -> Effects:
    x = np.stack(list(columns.values()), axis=1)
    values = _fitted(battles, x)
    models = len(battles.names)
    chance = expit(_odds(battles, x, values))
    information = _products(battles, x, chance * (1 - chance))
    inverse = np.linalg.inv(information + RIDGE * np.eye(len(values)))
    covariance = inverse @ _products(battles, x, (battles.score - chance) ** 2) @ inverse
    expected, variance = np.diag(inverse)[models:], np.maximum(np.diag(covariance)[models:], 0)
    told = (1 / expected > _LEAST_INFORMATION) & (variance > _LEAST_VARIANCE * expected)
    found = {
        name: _effect(value * POINTS, error * POINTS) if clear else None
        for name, value, error, clear in zip(columns, values[models:], np.sqrt(variance), told, strict=True)
    }
    return Effects(found, MEAN + POINTS * values[:models] if told.all() else None)


def _effect(points: float, se: float) -> Effect:
    return Effect(float(points), float(se), (float(points - Z * se), float(points + Z * se)))


def _open(battles: Battles, columns: dict[str, Floats], always: str) -> Effect | None:
    """What standing left is worth at least, or at most, where the left or the right won every battle."""
    strong = connections(pairs_of(battles).won()).strong
    inside = strong[battles.left] == strong[battles.right]
    if not inside.any():
        return None
    limit = _limit(battles, inside, columns, 1 if always == "left" else -1)
    if limit is None:
        return None
    return Effect(None, None, (limit, None) if always == "left" else (None, limit))


def _limit(battles: Battles, inside: Flags, columns: dict[str, Floats], sign: int) -> float | None:
    part = replace(battles, left=battles.left[inside], right=battles.right[inside], score=battles.score[inside])
    others = [column[inside] for name, column in columns.items() if name != "position"]
    x = np.column_stack([np.empty((len(part.score), 0)), *others])
    count = int(units(battles.groupings, inside.astype(np.intp), 2)[1])

    def excess(worth: float) -> float:
        values = _fitted(part, x, offset=sign * worth, ridge=_WEAKEST_RIDGE)
        odds = sign * _odds(part, x, values) + worth
        return float(log_expit(odds).mean() * count - np.log(TAIL))

    if excess(-_FAR) >= 0:
        return None
    return float(sign * POINTS * brentq(excess, -_FAR, _FAR + np.log(count), xtol=_NEAR))


def _fitted(battles: Battles, x: Floats, *, offset: float = 0.0, ridge: float = RIDGE) -> Floats:
    """θ of all models, then β, at the maximum of the likelihood with a weak ridge; `offset` is added to all odds."""
    values = np.zeros(len(battles.names) + x.shape[1])
    for _ in range(_STEPS):
        chance = expit(_odds(battles, x, values) + offset)
        slope = _slope(battles, x, battles.score - chance) - ridge * values
        information = _products(battles, x, chance * (1 - chance)) + ridge * np.eye(len(values))
        step = np.linalg.solve(information, slope)
        longest = np.abs(step).max()
        values += step * min(1, _LONGEST_STEP / max(longest, _LONGEST_STEP))
        if longest < _TOLERANCE:
            return values
    raise ArithmeticError(f"Newton's method did not converge in {_STEPS} steps")


def _odds(battles: Battles, x: Floats, values: Floats) -> Floats:
    return np.asarray(values[battles.left] - values[battles.right] + x @ values[len(battles.names) :])


def _slope(battles: Battles, x: Floats, residual: Floats) -> Floats:
    models = len(battles.names)
    left, right = (np.bincount(side, residual, models) for side in (battles.left, battles.right))
    return np.concatenate((left - right, residual @ x))


def _products(battles: Battles, x: Floats, weight: Floats) -> Floats:
    """Σ over votes of weight · z zᵀ, z being +1 for the left model, −1 for the right, and the covariates."""
    models = len(battles.names)
    matrix = np.zeros((models + x.shape[1],) * 2)
    met = np.bincount(battles.left * models + battles.right, weight, models * models).reshape(models, models)
    met = met + met.T
    matrix[:models, :models] = np.diag(met.sum(axis=1)) - met
    for place, column in enumerate(x.T, start=models):
        matrix[:, place] = matrix[place, :] = _slope(battles, x, weight * column)
    return matrix
