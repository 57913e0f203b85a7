"""Training, validation and test rows, kept apart by what they are about.

Rows of one group (the same passage, document or instruction) always fall on one side, so nothing that is measured on
was learned from. Groups are taken in the order of a seeded hash: adding rows elsewhere moves none of the others far.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from assistant.errors import InputError
from finetune.progress import progress

T = TypeVar("T")
LEAKED = "texts on two sides of the split"
"""The name of their count."""
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Split(Generic[T]):
    """The three parts, each in the order in which its rows came."""

    train: list[T]
    validation: list[T]
    test: list[T]


def split(
    rows: Sequence[T],
    group: Callable[[T], str],
    *,
    validation: float,
    test: float,
    seed: int,
    text: Callable[[T], str] | None = None,
) -> Split[T]:
    """Keep shares of `rows` apart; every part that was asked for has a row, or the shares are refused by name.

    Groups that share a `text` are one, so that a passage that stands under two titles is on one side.
    """
    with progress("splitting", "rows", len(rows)) as counted:
        keys = [same(group(row)) for row in counted(rows)]
    if text is not None:
        keys = _merged(keys, [same(text(row)) for row in rows])
    sizes = Counter(keys)
    order = sorted(sizes, key=lambda key: hashlib.sha256(f"{seed}\n{key}".encode()).digest())
    held = _fill(order, sizes, len(rows) * validation)
    tested = _fill([key for key in order if key not in held], sizes, len(rows) * test)
    apart = held | tested
    parts: Split[T] = Split(
        [row for row, key in zip(rows, keys, strict=True) if key not in apart],
        [row for row, key in zip(rows, keys, strict=True) if key in held],
        [row for row, key in zip(rows, keys, strict=True) if key in tested],
    )
    _check(parts, len(sizes), validation, test)
    return parts


def leaks(parts: Split[T], text: Callable[[T], str]) -> int:
    """How many texts stand on two sides, to be recorded: none, because InputError refuses the first."""
    sides = ((parts.train, parts.validation), (parts.train, parts.test), (parts.validation, parts.test))
    found = set[str]().union(*(leaked(one, other, text) for one, other in sides))
    refuse_leaks(len(found), min(found, default=""))
    return len(found)


def refuse_leaks(count: int, one: str) -> None:
    """Refuse a split with texts on two sides, of which `one` is shown."""
    if count:
        raise InputError(
            f"data.paths: {count} texts stand on two sides of the split, such as {one[:_SHOWN]!r}; name each only once"
        )


def leaked(one: Sequence[T], other: Sequence[T], group: Callable[[T], str]) -> set[str]:
    """Groups with rows in both."""
    return {same(group(row)) for row in one} & {same(group(row)) for row in other}


def same(text: str) -> str:
    """`text` without differences of case and white space: what differs only there is one group."""
    return " ".join(text.casefold().split())


def _merged(keys: Sequence[str], texts: Sequence[str]) -> list[str]:
    """The keys, all that share a text replaced by the first of them."""
    first: dict[str, str] = {}
    of_text: dict[str, str] = {}

    def root(key: str) -> str:
        while first.setdefault(key, key) != key:
            first[key] = key = first[first[key]]
        return key

    for key, text in zip(keys, texts, strict=True):
        one, other = root(of_text.setdefault(text, key)), root(key)
        first[other] = one
    return [root(key) for key in keys]


def _fill(order: Sequence[str], sizes: Mapping[str, int], wanted: float) -> set[str]:
    """Groups of about `wanted` rows in all, at least one group; one that is much too large is passed over."""
    taken: set[str] = set()
    rows = 0
    for key in order:
        if rows >= wanted:
            break
        if rows + sizes[key] <= max(1.5 * wanted, 1):
            taken.add(key)
            rows += sizes[key]
    return taken


def _check(parts: Split[T], groups: int, validation: float, test: float) -> None:
    for name, share, part in (("validation", validation, parts.validation), ("test", test, parts.test)):
        if share and not part:
            raise InputError(
                f"data.{name}: a share of {share:g} of {groups} separate texts is none; raise it or name more data"
            )
    if not parts.train:
        raise InputError("data.validation and data.test leave no row to train on; lower them or name more data")
