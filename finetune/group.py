"""Several processes that train together, each on its part of every step; alone, all of this does nothing.

A launcher (torchrun, accelerate launch) starts them and says who is who. Every process holds the whole model: one that
needs to be sharded is no matter for pretraining from scratch here.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed


@dataclass(frozen=True, slots=True)
class Group:
    """This process among `size` that train together, and where it computes."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Whether this is the process that speaks and writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Until all have come here."""
        if self.size > 1:
            distributed.barrier()

    def mean(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the processes."""
        if self.size > 1:
            for tensor in tensors:
                distributed.all_reduce(tensor)
                tensor.div_(self.size)

    def told(self, number: float) -> float:
        """What the first process says: their clocks differ, and they must end together."""
        if self.size == 1:
            return number
        shared = torch.tensor([number], dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, 0)
        return float(shared.item())


@contextmanager
def joined() -> Iterator[Group]:
    """The group that the launcher made."""
    size, local = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")
    if size == 1:
        yield Group(0, 1, device)
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Group(distributed.get_rank(), size, device)
    finally:
        distributed.destroy_process_group()


def leave() -> None:
    """End the group that accelerate made, where there is one, once all its processes are done.

    One that went before the others, its threads still at work, could be ended by the system on its way out.
    """
    if distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()
