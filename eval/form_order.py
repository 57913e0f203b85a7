"""In what order a rater meets the texts of a form.

By SHA-256 of seed, rater and number, so that it is the same on every machine and another for each rater; then such that
no two texts of one group (an item, with its one source) follow each other, wherever the groups allow it: a rater who
reads two summaries of one text in a row compares them, and does not score the second by itself.
"""

import hashlib
import heapq
from collections.abc import Iterator, Sequence


def order_of(groups: Sequence[str], seed: int, rater: str) -> list[int]:
    """The numbers of the texts, of which text i is of `groups[i]`, in the order for `rater`."""
    shuffled = sorted(range(len(groups)), key=lambda number: _key(seed, rater, number))
    return list(_apart(shuffled, groups))


def _key(seed: int, rater: str, number: int) -> bytes:
    return hashlib.sha256(f"{seed}\n{number}\n{rater}".encode("utf-8", "replace")).digest()


def _apart(shuffled: Sequence[int], groups: Sequence[str]) -> Iterator[int]:
    """As shuffled, but of the next text that is of another group than the last; or of the group that has more than half
    of those left, which could not be kept apart otherwise."""
    waiting: dict[str, list[tuple[int, int]]] = {}
    for place, number in reversed(list(enumerate(shuffled))):
        waiting.setdefault(groups[number], []).append((place, number))  # the next of a group is its last
    heads = [(texts[-1][0], group) for group, texts in waiting.items()]
    sizes = [(-len(texts), group) for group, texts in waiting.items()]
    heapq.heapify(heads)
    heapq.heapify(sizes)
    last = None
    for left in range(len(shuffled), 0, -1):
        group = _next(heads, _largest(sizes, waiting), waiting, last, left)
        _, number = waiting[group].pop()
        if waiting[group]:
            heapq.heappush(heads, (waiting[group][-1][0], group))
            heapq.heappush(sizes, (-len(waiting[group]), group))
        yield number
        last = group


def _largest(sizes: list[tuple[int, str]], waiting: dict[str, list[tuple[int, int]]]) -> str:
    while -sizes[0][0] != len(waiting[sizes[0][1]]):
        heapq.heappop(sizes)  # it was as large once
    return sizes[0][1]


def _next(
    heads: list[tuple[int, str]],
    largest: str,
    waiting: dict[str, list[tuple[int, int]]],
    last: str | None,
    left: int,
) -> str:
    """The group of the next text; its entry in `heads` may stay behind, to be passed over later."""
    if 2 * len(waiting[largest]) > left and largest != last:
        return largest
    passed = []
    chosen = None
    while heads and chosen is None:
        place, group = heapq.heappop(heads)
        if not waiting[group] or waiting[group][-1][0] != place:
            continue  # it was taken as one of the largest group
        if group == last:
            passed.append((place, group))
        else:
            chosen = group
    for entry in passed:
        heapq.heappush(heads, entry)
    return largest if chosen is None else chosen
