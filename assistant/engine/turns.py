"""Turns: replies that are written at once run one at a time, token by token, in the order in which they came.

The model, the processor's cores and the random generator belong to the process. A reply keeps the state of its own
generator and puts it in place for its turn, so that a seeded reply is the same whoever else is speaking.
"""

import threading
from collections import deque
from collections.abc import Callable

import torch
from transformers import StoppingCriteria

_POLL_SECONDS = 0.05


class Turns:
    """One has the turn; the others wait in a line, and who waits can be told to leave it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._line: deque[object] = deque()
        self._taken = False

    def take(self, gone: Callable[[], bool]) -> bool:
        """Wait for the turn; False, and no turn, once `gone` says that nobody wants it any more."""
        ticket = object()
        with self._changed:
            self._line.append(ticket)
            try:
                while not gone():
                    if not self._taken and self._line[0] is ticket:
                        self._taken = True
                        return True
                    self._changed.wait(_POLL_SECONDS)
                return False
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()  # where one leaves the line, the next may be first

    def give(self) -> None:
        """End the turn; the first in the line has the next."""
        with self._changed:
            self._taken = False
            self._changed.notify_all()

    def pass_on(self, gone: Callable[[], bool]) -> bool:
        """End the turn and wait for the next, in one step: who holds it is in the line before anybody else moves."""
        with self._changed:
            self.give()
            return self.take(gone)


class OwnTurns(StoppingCriteria):
    """The turns of one reply; given to `generate` as the last criterion, it passes the turn on after every token.

    Between turns the process's generator is as it was before, and what this reply draws next is what it would have
    drawn alone. Covers the generator of the CPU, on which the engine runs.
    """

    def __init__(self, turns: Turns, gone: Callable[[], bool], seed: int | None):
        self._turns = turns
        self._gone = gone
        generator = torch.Generator()
        if seed is None:
            generator.seed()
        else:
            generator.manual_seed(seed)
        self._own = generator.get_state()
        self._others = self._own
        self._held = False

    def begin(self) -> bool:
        """Wait for the first turn; False when told to stop before it came."""
        return self._enter(self._turns.take(self._gone))

    def end(self) -> None:
        """Give the turn up, if it is held."""
        if self._held:
            self._leave()
            self._turns.give()

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: object) -> torch.Tensor:
        """`input_ids` (batch, length); True in the result (batch,) where the reply was told to stop."""
        self._leave()
        goes_on = self._enter(self._turns.pass_on(self._gone))
        return torch.full((input_ids.shape[0],), not goes_on, device=input_ids.device)

    def _enter(self, held: bool) -> bool:
        self._held = held
        if held:
            self._others = torch.get_rng_state()
            torch.set_rng_state(self._own)
        return held

    def _leave(self) -> None:
        self._held = False
        self._own = torch.get_rng_state()
        torch.set_rng_state(self._others)
