"""Recipes: what to train, from what, how. Each table of the TOML file is one dataclass here, each key one field."""

import re
from dataclasses import asdict, dataclass, field
from string import Formatter
from typing import Any, Literal

from assistant.errors import InputError

Kind = Literal["pretrain", "domain", "instruct", "task", "classify", "preference"]
TEXT_KINDS = ("pretrain", "domain")
"""Kinds that learn plain text; the others learn replies, labels or preferences."""
_PRETRAINING = ("optimizer", "decay", "minutes", "save_minutes", "compile")
"""Keys of `Training` that only the kind pretrain reads."""


@dataclass(frozen=True, slots=True)
class ModelShape:
    """A GPT-2 made from scratch. Left out of recipes that start from a checkpoint."""

    layers: int = 6
    width: int = 256
    heads: int = 4
    positions: int = 1024
    vocabulary: int = 8192
    start: Literal["random", "copying"] = "random"
    """Random weights, or weights with which a small model can copy from its prompt (see `finetune.copying`)."""

    def __post_init__(self) -> None:
        for name in ("layers", "width", "heads", "positions", "vocabulary"):
            require(getattr(self, name) > 0, f"model.{name} must be above 0")
        require(self.width % self.heads == 0, "model.width must be a multiple of model.heads")
        require(self.vocabulary > 260, "model.vocabulary must be above 260: 256 bytes and four control tokens")


@dataclass(frozen=True, slots=True)
class Lora:
    """Low-rank adapters in place of the whole weights (Hu et al. 2021). Merged into the checkpoint when saved."""

    r: int = 8
    alpha: int = 16
    dropout: float = 0.05
    target_modules: list[str] = field(default_factory=lambda: ["c_attn", "c_proj", "c_fc"])
    """GPT-2's own names: attention in, attention and feed-forward out, feed-forward in."""

    def __post_init__(self) -> None:
        require(self.r > 0, "lora.r must be above 0")
        require(self.alpha > 0, "lora.alpha must be above 0")
        require(0 <= self.dropout < 1, "lora.dropout must be from 0 to below 1")
        require(bool(self.target_modules), "lora.target_modules is empty: name the layers to adapt")


@dataclass(frozen=True, slots=True)
class Data:
    """Where the rows come from, and which are kept apart."""

    paths: list[str] = field(default_factory=list)
    """JSON lines (plain, .gz or .xz), folders of them, or `-` for the standard input.

    Recipes of the kinds `pretrain` and `domain` read plain texts too (.txt, .txt.gz, .txt.xz), each as one document.
    """
    collection: str = ""
    """Domain recipes: the documents of a collection of the library, in place of `paths` or beside them."""
    home: str = ""
    """The home of that library; empty: the one in use."""
    own: bool = False
    """Instruct recipes: the instruction set that comes with the program, beside `paths`."""
    plain_text: list[str] = field(default_factory=list)
    """Instruct recipes: plain texts or files of `{"text"}` rows, of which `cloze_rows` grounded questions are made."""
    longest_solution: int = 0
    """Instruct recipes: instructions whose solution has more words are left out; 0 takes all of them."""
    cloze_rows: int = 0
    learn_sources: bool = False
    """Instruct recipes: learn the sources of those rows too, not the replies alone."""
    plain_windows: int = 0
    """Instruct recipes: windows of `plain_text` between those of the conversations, so that language is learned too."""
    plain_learned: float = 0.1
    """Share of the tokens of those windows that is learned, by chance: all of them would drown the replies."""
    max_tokens: int = 0
    """Plain text: how many tokens to take in all, over the files in even shares; 0 takes all of them."""
    validation: float = 0.05
    """Share of the rows kept apart to watch the training by; rows on one passage stay together."""
    shards: str = ""
    """Pretraining: the folder of the token shards, made there or found there; with no `paths`, all that is read.

    Empty: a folder beside the output, named by a hash of the data and of what the shards depend on.
    """
    test: float = 0.0
    """Share kept apart for measuring afterwards, written to `test.jsonl` beside the checkpoint."""
    repeats: dict[str, int] = field(default_factory=dict)
    """Instruct recipes: how often the rows of a source are seen in one epoch; 1 where it is not named.

    A row's source is its `source` or `form`, else the name of its file; `cloze` is that of `cloze_rows`.
    """

    def __post_init__(self) -> None:
        require(self.cloze_rows >= 0, "data.cloze_rows must not be negative")
        require(self.longest_solution >= 0, "data.longest_solution must not be negative")
        require(self.plain_windows >= 0, "data.plain_windows must not be negative")
        require(0 < self.plain_learned <= 1, "data.plain_learned must be above 0 and at most 1: a share of the tokens")
        require(self.max_tokens >= 0, "data.max_tokens must not be negative")
        require(0 < self.validation < 1, "data.validation must be above 0 and below 1: a share of the rows")
        require(0 <= self.test < 1, "data.test must be from 0 to below 1: a share of the rows")
        require(self.validation + self.test < 1, "data.validation and data.test leave nothing to train on")
        require(all(n >= 0 for n in self.repeats.values()), "data.repeats must not be negative")


@dataclass(frozen=True, slots=True)
class Task:
    """Task recipes: how the fields of a row become an instruction and its solution, `{field}` by `{field}`."""

    instruction: str = "{instruction}"
    solution: str = "{solution}"

    def __post_init__(self) -> None:
        for name, template in (("instruction", self.instruction), ("solution", self.solution)):
            try:
                template_fields(template)
            except ValueError as fault:
                raise InputError(f"task.{name}: {template!r} is no template: {fault}; write braces as {{{{") from fault


@dataclass(frozen=True, slots=True)
class Preference:
    """Preference recipes: direct preference optimisation (Rafailov et al. 2023)."""

    beta: float = 0.1
    """How strongly the model is held to the one that it started from."""

    def __post_init__(self) -> None:
        require(self.beta > 0, "preference.beta must be above 0")


@dataclass(frozen=True, slots=True)
class Training:
    """The optimiser and its schedule."""

    window: int = 1024
    """Tokens of a packed window, or of the longest example."""
    batch: int = 8
    """Windows of one forward pass, on each device."""
    accumulate: int = 1
    """Forward passes of one step."""
    epochs: float = 1.0
    learning_rate: float = 1e-3
    embedding_rate: float = 1.0
    """Learning rate of the embeddings as a share of the others'."""
    optimizer: Literal["adamw", "muon"] = "adamw"
    """Pretraining: AdamW for all weights, or Muon for the matrices of the layers (see `finetune.muon`)."""
    schedule: Literal["cosine", "linear", "constant", "wsd"] = "cosine"
    """After the warm-up: down to a twentieth by a cosine, down to nothing in a line, or no change.

    Pretraining also: `wsd`, no change until the last `decay`, then down to nothing (see `finetune.schedule`).
    """
    decay: float = 0.2
    """Share of the run, at its end, in which `wsd` goes down."""
    warmup: float = 0.02
    """Share of the steps."""
    weight_decay: float = 0.1
    minutes: float = 0.0
    """Pretraining: the schedule ends after so much time in training, or with `epochs` if that is sooner; 0: no limit.

    The times of a run that was broken off and resumed are added up.
    """
    save_steps: int = 200
    """Steps between validations, each with a checkpoint to resume from."""
    save_minutes: float = 0.0
    """Pretraining: minutes between further checkpoints, without a validation; 0: none."""
    compile: bool | None = None
    """Pretraining: compile the layers, which takes a while and pays on an accelerator; left out: where there is one."""
    patience: int = 0
    """Stop after so many validations without a better loss; 0: never early."""
    checkpointing: bool = False
    """Compute activations again in the backward pass: slower, and much less memory."""
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("window", "batch", "accumulate", "epochs", "learning_rate", "embedding_rate", "save_steps"):
            require(getattr(self, name) > 0, f"training.{name} must be above 0")
        require(0 <= self.warmup < 1, "training.warmup must be from 0 to below 1")
        require(self.weight_decay >= 0, "training.weight_decay must not be negative")
        require(self.patience >= 0, "training.patience must not be negative")
        require(0 < self.decay <= 1, "training.decay must be above 0 and at most 1: a share of the run")
        require(self.minutes >= 0, "training.minutes must not be negative")
        require(self.save_minutes >= 0, "training.save_minutes must not be negative")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training run."""

    kind: Kind
    output: str
    """The folder of the finished checkpoint."""
    base: str = ""
    """What to start from: `bundled`, a checkpoint folder, a name in the home's `models`, or a Hugging Face id."""
    tags: Literal["text", "tokens"] = "text"
    """A base without ChatML's tags: spell them as ordinary text, or add them as tokens of their own."""
    model: ModelShape = field(default_factory=ModelShape)
    data: Data = field(default_factory=Data)
    lora: Lora | None = None
    task: Task = field(default_factory=Task)
    preference: Preference = field(default_factory=Preference)
    training: Training = field(default_factory=Training)
    licences: dict[str, str] = field(default_factory=dict)
    """What the data are and under which licence; copied into `run.json`."""

    def __post_init__(self) -> None:
        require(bool(self.output), "output must name the folder of the checkpoint")
        self._check_data()
        self._check_training()
        require(self.kind != "pretrain" or not self.base, "base must be empty: pretraining starts from random weights")
        require(bool(self.base) or self.from_scratch, "base must name the checkpoint to start from")
        require(self.lora is None or not self.from_scratch, "lora adapts a base; a model from scratch has none")
        if self.from_scratch:  # the positions of a base are known once it is loaded
            require(self.training.window <= self.model.positions, "training.window must not exceed model.positions")

    @property
    def from_scratch(self) -> bool:
        """Whether the model and its tokenizer are made by this run: of its texts, or of those beside its rows."""
        return self.kind == "pretrain" or (self.kind == "instruct" and not self.base and bool(self.data.plain_text))

    def _check_data(self) -> None:
        data = self.data
        require(
            bool(data.paths or data.collection or data.own or data.shards),
            "data.paths is empty: name the training files, --set 'data.paths=[\"FILE\"]'",
        )
        require(not data.collection or self.kind == "domain", "data.collection is for recipes of the kind domain")
        require(not data.shards or self.kind == "pretrain", "data.shards is for recipes of the kind pretrain")
        for name in ("own", "cloze_rows", "repeats", "plain_windows", "longest_solution"):
            given = bool(getattr(data, name))
            require(not given or self.kind == "instruct", f"data.{name} is for recipes of the kind instruct")
        require(
            not (data.cloze_rows or data.plain_windows) or bool(data.plain_text),
            "data.plain_text is empty: name the files that data.cloze_rows or data.plain_windows are made of, "
            "--set 'data.plain_text=[\"FILE\"]'",
        )

    def _check_training(self) -> None:
        """Refuse what only pretraining reads, where it is set for another kind."""
        usual = Training()
        for name in _PRETRAINING:
            is_read = self.kind == "pretrain" or getattr(self.training, name) == getattr(usual, name)
            require(is_read, f"training.{name} is for recipes of the kind pretrain")
        is_read = self.kind == "pretrain" or self.training.schedule != "wsd"
        require(is_read, 'training.schedule = "wsd" is for recipes of the kind pretrain')

    def as_dict(self) -> dict[str, Any]:
        """The recipe as plain values, for `run.json`; without the tables and keys that its kind does not read."""
        values = asdict(self)
        unread = {"model": not self.from_scratch, "task": self.kind != "task", "preference": self.kind != "preference"}
        for name in (name for name, is_unread in unread.items() if is_unread):
            values.pop(name)
        if self.kind != "pretrain":
            del values["data"]["shards"]
            for name in _PRETRAINING:
                del values["training"][name]
        return values


def template_fields(template: str) -> set[str]:
    """The fields that a template of `str.format` names; ValueError where it is none."""
    named = (field for _, field, _, _ in Formatter().parse(template) if field is not None)
    found = {re.split(r"[.\[]", field, maxsplit=1)[0] for field in named}
    if any(not name or name.isdecimal() for name in found):
        raise ValueError("a field in braces has a name")
    return found


def require(holds: bool, message: str) -> None:
    """Refuse with `message`, which names the setting, unless it holds."""
    if not holds:
        raise InputError(message)
