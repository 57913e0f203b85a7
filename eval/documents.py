"""The documents of a file, the `text` of each row of JSON lines or the whole of a plain text, and their tokens."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from transformers import PreTrainedTokenizerBase

from assistant.chatml import END_OF_TEXT, ChatML
from assistant.errors import InputError
from assistant.rows import read_rows

_ROWS = (".jsonl", ".jsonl.gz", ".jsonl.xz")


@dataclass(frozen=True, slots=True)
class Document:
    """`ids` of which all but the first are to be scored, and the UTF-8 bytes of those."""

    ids: list[int]
    size: int


def read_documents(path: Path) -> list[str]:
    """The texts of `path` (UTF-8), at least one, none of them empty; line ends stay as they are."""
    texts = [row.text("text") for row in read_rows(path)] if path.name.endswith(_ROWS) else [_plain(path)]
    if not any(text.strip() for text in texts):
        raise InputError(f"{path}: the file is empty; name one with text, or with rows of 'text'")
    return texts


def encoded(texts: Iterable[str], tokenizer: PreTrainedTokenizerBase, limit: int | None = None) -> list[Document]:
    """The tokens of `texts`, as data, each behind the token that stands between documents; up to `limit` in all.

    Where the tokenizer has no such token, the first of a text is not scored and its bytes are not counted.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit_tokens must be at least 1, not {limit}")
    tokenizer.model_max_length = 2**62  # windows are cut later; a warning about long texts would mislead
    chatml = ChatML(tokenizer)
    start = _start_ids(tokenizer)
    found: list[Document] = []
    scored = 0
    for text in texts:
        ids = [*start, *chatml.encode_text(text)]
        kept = ids if limit is None else ids[: limit - scored + 1]
        if len(kept) > 1:
            found.append(Document(kept, _size(text, kept, tokenizer, whole=bool(start) and kept == ids)))
            scored += len(kept) - 1
        if scored == limit:
            break
    return found


def _size(text: str, ids: list[int], tokenizer: PreTrainedTokenizerBase, *, whole: bool) -> int:
    if whole:
        return len(text.encode())
    # A part of the text: its bytes are known from its tokens only, half a character at the cut left out.
    part: str = tokenizer.decode(ids[1:], clean_up_tokenization_spaces=False)
    return len(part.rstrip("\ufffd").encode())


def _start_ids(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The token that stands between documents in training, where the tokenizer has one."""
    start = tokenizer.get_vocab().get(END_OF_TEXT, tokenizer.bos_token_id)
    return [] if start is None else [start]


def _plain(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as fault:
        raise InputError(f"{path}: cannot be read ({fault.strerror}); name a text file or JSON lines") from fault
    except UnicodeDecodeError as fault:
        raise InputError(f"{path}: not a text in UTF-8 (byte {fault.start}); convert it first") from fault
