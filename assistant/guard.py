"""What a question must be before anything is spent on it."""

from assistant.errors import InputError
from retrieval.plaintext import clean

MAX_QUESTION_CHARACTERS = 4000


def check_question(question: str) -> str:
    """The question as documents are stored, without control characters; refused when nothing is left, or too much."""
    cleaned = clean(question).strip()
    if not cleaned and question.strip():
        raise InputError("The question holds no readable character (bytes that are not UTF-8?); type it again.")
    if not cleaned:
        raise InputError("The question is empty; type one.")
    if len(cleaned) > MAX_QUESTION_CHARACTERS:
        raise InputError(
            f"The question has {len(cleaned):,} characters; at most {MAX_QUESTION_CHARACTERS:,} can be read. "
            "Shorten it, or upload the long text as a document and ask about it."
        )
    return cleaned
