"""Which of several processes that train together this one is, before a library that knows has been loaded."""

import os

_RANKS = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
"""Where torchrun and the kinds of MPI say it; accelerate reads the same."""


def speaks() -> bool:
    """Whether this process tells what is wrong with what it was given: one of each machine does."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


def is_first() -> bool:
    """Whether this process is the one that speaks; so is one that trains alone."""
    given = [os.environ[name] for name in _RANKS if name in os.environ]
    return not given or given[0] == "0"
