"""The learning rate of a pretraining run over its course, which steps or minutes end, whichever are sooner.

`wsd` (warm-up, stable, decay; Hu et al. 2024, MiniCPM, section 4) does not need to know its length before it decays: it
holds the rate, and goes down to nothing over the last share. With a limit of minutes that share begins in time, however
fast the machine turns out to be. Hägele et al. 2024 ("Scaling laws and compute-optimal training beyond fixed training
durations") find it as good as a cosine of the right length with a fifth of the run for the decay, and better the longer
the decay is, up to about two fifths; a line is within the noise of their best form, and is what short runs of this size
use (modded-nanogpt, nanochat).
"""

import math
from dataclasses import dataclass

from finetune.config import Training

_LEAST = 0.05
"""Of the peak, where a cosine ends."""


@dataclass(frozen=True, slots=True)
class Course:
    """How far a run has come: `step` of `steps`, `seconds` of the minutes that it may take."""

    plan: Training
    steps: int

    def progress(self, step: int, seconds: float) -> float:
        """From 0 to 1, by steps or by time, whichever is further."""
        by_time = seconds / (60 * self.plan.minutes) if self.plan.minutes else 0.0
        return min(max(step / self.steps, by_time), 1.0)

    def share(self, step: int, seconds: float, first: float = 0.0) -> float:
        """The learning rate of the step after `step` others, as a share of the peak.

        The warm-up is over after its share of the steps or of the minutes, whichever is sooner; these are counted from
        `first` on, the seconds that the first step took, in which the model may have been compiled.
        """
        warm = math.ceil(self.steps * self.plan.warmup) if self.steps > 1 else 0
        risen = (step + 1) / warm if step < warm else 1.0
        if self.plan.minutes and self.plan.warmup:
            risen = max(risen, (seconds - first) / (60 * self.plan.minutes * self.plan.warmup))
        return min(risen, _shape(self.plan, self.progress(step, seconds)))

    def steps_in_all(self, step: int, seconds: float) -> int:
        """Of how many steps the run will be, as far as can be told after `step` of them."""
        done = self.progress(step, seconds)
        return min(self.steps, math.ceil(step / done)) if step and done else self.steps

    def has_ended(self, step: int, seconds: float) -> bool:
        """Whether the plan ends after `step` steps, or one more as long as they were on average would pass the time.

        On average, so that one slow step does not end a run whose rate has yet to go down.
        """
        mean = seconds / step if step and self.plan.minutes else 0.0
        return self.progress(step, seconds + mean) >= 1.0


def _shape(plan: Training, progress: float) -> float:
    if plan.schedule == "cosine":
        return _LEAST + (1 - _LEAST) * (1 + math.cos(math.pi * progress)) / 2
    if plan.schedule == "linear":
        return 1 - progress
    if plan.schedule == "wsd":
        return min((1 - progress) / plan.decay, 1.0)
    return 1.0
