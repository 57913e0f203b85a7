"""What else than the models moved the votes: the side on which an answer stood, and its length.

    log odds that left wins = θ_left − θ_right + Σ β x      (Bradley and Terry's model with covariates: Agresti 2013,
                                                             Categorical Data Analysis, 11.6; in arenas: Li et al. 2024)
    position    x = 1 in every battle: what standing left is worth
    length      x = log2((left_length + 1) / (right_length + 1)): what being twice as long is worth

Ties count as half; standard errors are of the sandwich by vote. `adjusted` are the ratings that remain when the effects
are taken away: what the models would have on the same side, at the same length.

Limits: this is association. A longer answer may be preferred for what it says, so adjusting for length can take away
merit. An effect is None where the votes cannot tell it from the ratings: one side always held the same models, or won
always.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from eval.battles import Battles, Floats
from eval.bradley_terry import MEAN, POINTS, RIDGE
from eval.rating_intervals import Z

_TOLERANCE = 1e-6
_STEPS = 200
_LONGEST_STEP = 2.0
_LEAST_INFORMATION = 0.1
"""Of an effect beside the ratings; below it the standard error is over 3 units of log odds, and the ridge's work."""


@dataclass(frozen=True, slots=True)
class Effect:
    """In rating points: by how much the rating of the left (or of the answer twice as long) is raised."""

    points: float
    se: float
    ci: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Effects:
    """Effects by name, None where the votes cannot tell; `adjusted` ratings of all models, None where an effect is."""

    found: dict[str, Effect | None]
    adjusted: Floats | None


def effects(battles: Battles) -> Effects:
    """Position, and length where the battles have lengths, estimated together with the ratings."""
    columns = {"position": np.ones(len(battles.score))}
    if battles.lengths is not None:
        columns["length"] = np.log2((battles.lengths[:, 0] + 1) / (battles.lengths[:, 1] + 1))
    x = np.stack(list(columns.values()), axis=1)
    values = _fitted(battles, x)
    models = len(battles.names)
    chance = expit(_odds(battles, x, values))
    information = _products(battles, x, chance * (1 - chance))
    inverse = np.linalg.inv(information + RIDGE * np.eye(len(values)))
    covariance = inverse @ _products(battles, x, (battles.score - chance) ** 2) @ inverse
    told = 1 / np.diag(inverse)[models:] > _LEAST_INFORMATION
    errors = np.sqrt(np.maximum(np.diag(covariance)[models:], 0))
    found = {
        name: _effect(value * POINTS, error * POINTS) if clear else None
        for name, value, error, clear in zip(columns, values[models:], errors, told, strict=True)
    }
    return Effects(found, MEAN + POINTS * values[:models] if told.all() else None)


def _effect(points: float, se: float) -> Effect:
    return Effect(float(points), float(se), (float(points - Z * se), float(points + Z * se)))


def _fitted(battles: Battles, x: Floats) -> Floats:
    """θ of all models, then β, at the maximum of the likelihood with a weak ridge."""
    values = np.zeros(len(battles.names) + x.shape[1])
    for _ in range(_STEPS):
        chance = expit(_odds(battles, x, values))
        slope = _slope(battles, x, battles.score - chance) - RIDGE * values
        information = _products(battles, x, chance * (1 - chance)) + RIDGE * np.eye(len(values))
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
    slopes = np.stack([_slope(battles, x, weight * column) for column in x.T], axis=1)
    matrix[:, models:] = slopes
    matrix[models:, :] = slopes.T
    return matrix
