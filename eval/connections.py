"""What the battles connect: without a chain of battles between them, two models cannot be compared.

Two conditions are looked at. Models are of one *group* where a chain of battles leads from one to the other. They are
of one *class* where, besides, no split sets them apart across which one side won every battle; only then is the
difference that fits the votes best finite (Ford 1957, Amer. Math. Monthly 64, 8; Zermelo 1929). A model that won every
battle is a class of its own, and so is one that lost every battle. A tie goes both ways.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from eval.battles import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Connections:
    """Numbers of group and class of each model; groups are numbered by their first model.

    `anchor` marks the models of the class that the others of its group are compared with: the largest one, of equal
    ones that with most battles. A class of one model anchors nothing, for it has no difference within.
    """

    group: Ints
    strong: Ints
    anchor: NDArray[np.bool_]

    def members(self, group: int) -> Ints:
        """The models of a group."""
        return np.flatnonzero(self.group == group)

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return int(self.group.max()) + 1


def connections(won: Floats) -> Connections:
    """Groups and classes, where `won[i, j]` is what i took from j: a win 1, a tie a half."""
    graph = csr_array(won > 0)
    _, weak = connected_components(graph, directed=True, connection="weak")
    _, strong = connected_components(graph, directed=True, connection="strong")
    _, first, group = np.unique(weak, return_index=True, return_inverse=True)
    group = np.argsort(np.argsort(first))[group]
    battles = (won + won.T).sum(axis=1)
    sizes = np.bincount(strong)
    largest = np.zeros(len(won), bool)
    for number in range(group.max() + 1):
        members = np.flatnonzero(group == number)
        best = max(members, key=lambda model: (sizes[strong[model]], battles[model], -model))
        largest[strong == strong[best]] = True
    return Connections(group.astype(np.intp), strong.astype(np.intp), largest & (sizes[strong] > 1))
