"""Who fights in battles: a model, with what it is told, what it reads, and how its words are drawn.

    model × prompt × retrieval × sampling

so that a base fights its finetuned self, keywords fight vectors, one prompt fights another, or greedy fights drawn.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from assistant.engine.sampling import Sampling
from assistant.engine.server import is_server, read_address
from assistant.errors import InputError
from retrieval.types import DEFAULT_COLLECTION

RETRIEVALS = ("none", "hybrid", "dense", "sparse")
_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Contestant:
    """One side of a battle. Raises InputError where it cannot be one."""

    name: str
    """What it is called once the vote is stored."""
    model: str = "bundled"
    """As `--model` takes it."""
    retrieval: str = "none"
    """`none`: an open chat; else how passages are found: `hybrid`, `dense` (vectors) or `sparse` (keywords)."""
    collection: str = DEFAULT_COLLECTION
    """The documents that it reads."""
    prompt: str = ""
    """The name of a saved prompt that takes the place of the program's own words to the model; empty for those."""
    sampling: Sampling = field(default_factory=Sampling)
    """How its words are drawn; the seed comes from the session."""

    def __post_init__(self) -> None:
        if not self.name.strip() or len(self.name) > _LONGEST_NAME or not self.name.isprintable():
            raise InputError(f"a contestant's name must be 1 to {_LONGEST_NAME} visible characters, not {self.name!r}")
        if self.retrieval not in RETRIEVALS:
            raise InputError(f"{self.name}: retrieval must be one of {', '.join(RETRIEVALS)}, not {self.retrieval!r}")
        if not self.model.strip():
            raise InputError(f"{self.name}: model must not be empty; name one as --model takes it")
        if is_server(self.model):
            read_address(self.model)  # refused before it is kept in a row: it may hold a password

    def settings(self) -> dict[str, Any]:
        """All but the name, as plain values."""
        return {key: value for key, value in asdict(self).items() if key != "name"}


def contestant_of(values: dict[str, Any]) -> Contestant:
    """A contestant of plain values, as `settings` gives them, with its name. Raises InputError by name."""
    known = set(Contestant.__dataclass_fields__)
    for key in values:
        if key not in known:
            raise InputError(f"a contestant has no {key!r}; it has {', '.join(sorted(known))}")
    sampling = values.get("sampling", {})
    for key in sampling if isinstance(sampling, dict) else ():
        if key not in Sampling.__dataclass_fields__:
            raise InputError(f"contestant {values.get('name', '')!s}: sampling has no {key!r}")
    try:
        return TypeAdapter(Contestant).validate_python(values)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"contestant {values.get('name', '')!s}: {where}: {first['msg']}") from fault
