"""Rows as conversations to learn from, each with shorter forms for when it does not fit the window."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast, get_args

from assistant.chatml import Message, Role
from assistant.errors import InputError
from assistant.rows import Row
from assistant.wording import CHAT_SYSTEM, chat_messages, grounded_messages, grounded_reply
from finetune.config import Task, template_fields
from finetune.grounding import grounded_row

_MOST_DISTRACTORS = 2


@dataclass(frozen=True, slots=True)
class Example:
    """One conversation.

    `group` is what it is about, for the split; `source` names its set, for the counts; `shorter` are forms of it with
    less context, longest first. With `whole` every word is learned, not the replies alone.
    """

    messages: Sequence[Message]
    group: str
    source: str
    row: dict[str, Any]
    shorter: Sequence[Sequence[Message]] = ()
    whole: bool = False

    @property
    def asked(self) -> str:
        """What must not stand on two sides of the split: the passage that is asked about, else all before the reply."""
        passage = self.row.get("context")
        if isinstance(passage, str) and passage.strip() and "question" in self.row:
            return passage
        return "\n".join(message.content for message in self.messages[:-1])


def example(row: Row, contexts: Sequence[str], rng: random.Random) -> Example | None:
    """The conversation of an instruct recipe's row; None for a grounded row whose answer stands in no sentence.

    `contexts` are the passages of the same file, of which some are put beside a row's own.
    """
    source = str(row.values.get("source") or row.values.get("form") or row.path.name)
    if "messages" in row.values:
        turns = _turns(row)
        return Example(turns, _first_question(turns), source, row.values)
    if "instruction" in row.values:
        asked = row.text("instruction").strip()
        reply = Message("assistant", row.text("solution").strip())
        return Example([*chat_messages(asked), reply], asked, source, row.values)
    if "sources" in row.values:
        return _of_sources(row, source)
    return _of_passage(row, source, contexts, rng)


def task_example(row: Row, task: Task) -> Example:
    """The conversation that a task's template makes of a row."""
    asked, solution = (_filled(template, row) for template in (task.instruction, task.solution))
    reply = Message("assistant", solution)
    return Example([*chat_messages(asked), reply], asked, row.path.name, row.values)


def check_template(rows: Sequence[Row], task: Task) -> None:
    """Refuse a template that names a field which no row of a file has: not one of them could be used."""
    known = {key for row in rows for key in row.values}
    for name, fields in (("instruction", task.instruction), ("solution", task.solution)):
        missing = sorted(template_fields(fields) - known)
        if rows and missing:
            raise InputError(
                f"task.{name}: no row of {rows[0].path} has the field {missing[0]!r}; its fields are "
                f"{', '.join(sorted(known)) or 'none'}"
            )


def _filled(template: str, row: Row) -> str:
    values = {key: value for key, value in row.values.items() if isinstance(value, str | int | float)}
    try:
        text = template.format_map(values).strip()
    except KeyError as fault:
        raise InputError(
            f"{row.place}: the task's template {template!r} needs a text or a number in the field {fault}"
        ) from fault
    except (AttributeError, IndexError, TypeError, ValueError) as fault:
        raise InputError(f"{row.place}: the task's template {template!r} cannot be filled: {fault}") from fault
    if not text:
        raise InputError(f"{row.place}: the task's template {template!r} gives an empty text")
    return text


def _turns(row: Row) -> list[Message]:
    turns = _messages(row, row.values["messages"], "messages")
    if not turns or turns[-1].role != "assistant":
        raise InputError(f"{row.place}: 'messages' must end with a turn of the assistant")
    if turns[0].role != "system":
        return [Message("system", CHAT_SYSTEM), *turns]
    return turns


def _messages(row: Row, given: Any, key: str) -> list[Message]:
    if not isinstance(given, list) or not all(isinstance(turn, dict) for turn in given):
        raise InputError(f"{row.place}: {key!r} must be a list of objects with role and content")
    return [_turn(row, turn) for turn in given]


def _turn(row: Row, turn: dict[str, Any]) -> Message:
    role, content = turn.get("role"), turn.get("content")
    if role not in get_args(Role) or not isinstance(content, str) or not content.strip():
        raise InputError(
            f"{row.place}: a turn needs a role ({', '.join(get_args(Role))}) and a content that is not empty"
        )
    return Message(cast(Role, role), content.strip())


def _first_question(turns: Sequence[Message]) -> str:
    return next((turn.content for turn in turns if turn.role == "user"), turns[0].content)


def _of_sources(row: Row, source: str) -> Example:
    """A row of our own set: numbered sources, a question, and the sentences of the answer, none for a refusal."""
    sources, question = row.texts("sources"), row.text("question")
    history = _messages(row, row.values.get("history", []), "history")
    answer = _answer(row)
    if not all(1 <= number <= len(sources) for _, number in answer):
        raise InputError(f"{row.place}: 'answer' names a source that is not there")
    messages = _grounded(question, sources, answer, history)
    shorter = [_grounded(question, sources, answer)] if history else []
    cited_numbers = sorted({number for _, number in answer})
    if answer and len(cited_numbers) < len(sources):
        cited_sources = [sources[number - 1] for number in cited_numbers]
        renumbered = [(text, cited_numbers.index(number) + 1) for text, number in answer]
        shorter.append(_grounded(question, cited_sources, renumbered))
    return Example(messages, "\n".join(sources), source, row.values, shorter)


def _grounded(
    question: str, sources: Sequence[str], answer: Sequence[tuple[str, int]], history: Sequence[Message] = ()
) -> list[Message]:
    return [*grounded_messages(question, sources, history), Message("assistant", grounded_reply(answer))]


def _answer(row: Row) -> list[tuple[str, int]]:
    """The sentences of the answer, each with the number of its source."""
    given = row.values.get("answer", [])
    try:
        parts = [(part["text"], part["source"]) for part in given]
    except (KeyError, TypeError) as fault:
        raise InputError(f"{row.place}: 'answer' must be a list of objects with text and source") from fault
    if not all(isinstance(text, str) and text.strip() and type(number) is int for text, number in parts):
        raise InputError(f"{row.place}: 'answer' needs texts that are not empty, and numbers of sources")
    return parts


def _of_passage(row: Row, source: str, contexts: Sequence[str], rng: random.Random) -> Example | None:
    forms = list(_grounded_forms(row, contexts, rng))
    if not forms:
        return None
    group = f"{source}\n{row.values.get('title') or row.text('context')}"
    return Example(forms[0], group, source, row.values, forms[1:])


def _grounded_forms(row: Row, contexts: Sequence[str], rng: random.Random) -> Iterator[list[Message]]:
    """The row with its distractors, then without them."""
    distractors = _other_contexts(row, contexts, rng)
    for beside in (distractors, []) if distractors else ([],):
        messages = grounded_row(row, beside, rng)
        if messages is not None:
            yield messages


def _other_contexts(row: Row, contexts: Sequence[str], rng: random.Random) -> list[str]:
    """Beginnings of other passages of the same file, to tell apart from the one that answers."""
    own = row.text("context").strip()
    picked = [rng.choice(contexts) for _ in range(rng.randint(0, _MOST_DISTRACTORS))] if contexts else []
    return [text[: rng.randint(80, 300)].rsplit(" ", 1)[0] for text in picked if text != own]
