"""What is known of a tokenizer's tokens before any training: which end sentences, are form, or are one word."""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from assistant.chatml import IM_END, IM_START
from assistant.wording import CHAT_SYSTEM, GROUNDED_SYSTEM, grounded_question

_BLANK = "\u0120"  # byte-level BPE writes a blank so
_SENTENCE_ENDS = frozenset((".", "!", "?", ").", ".)", '."', '!"', '?"', ".'", "'.", '".', '").', "%.", "]"))
_QUESTION_WORDS = ("who", "what", "when", "where", "which", "how", "why", "did", "does", "was", "is")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Facts about the tokens; ids are taken to be in order of falling frequency, as BPE makes them."""

    sentence_ends: Sequence[int]
    """Ids of tokens after which a sentence begins."""
    form: Sequence[int]
    """Ids of tokens that stand in every prompt and tell nothing."""
    kin: Sequence[int]
    """For each id, the id of its word in lower case with a blank before it, or itself."""


def known_vocabulary(tokenizer: PreTrainedTokenizerBase) -> Vocabulary:
    """The facts about a byte-level BPE."""
    ids = tokenizer.get_vocab()
    names = sorted(ids, key=ids.__getitem__)
    prompt = f"{CHAT_SYSTEM}\n{GROUNDED_SYSTEM}\nsystem\nuser\nassistant\n{grounded_question('?', ['.', '.', '.'])}"
    form = {*tokenizer.encode(prompt, add_special_tokens=False)}
    form |= {ids[tag] for tag in (IM_START, IM_END) if tag in ids}
    asking = (_BLANK + word for lower in _QUESTION_WORDS for word in (lower, lower.capitalize()))
    form |= {ids[word] for word in asking if word in ids}
    return Vocabulary(
        sentence_ends=[ids[name] for name in names if name in _SENTENCE_ENDS],
        form=sorted(form),
        kin=[_kin(name, ids) for name in names],
    )


def _kin(name: str, ids: dict[str, int]) -> int:
    word = name.strip(_BLANK)
    return ids.get(_BLANK + word.lower(), ids[name]) if word.isalpha() else ids[name]
