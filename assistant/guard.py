"""What a question must be before anything is spent on it."""

from assistant.errors import InputError

MAX_QUESTION_CHARACTERS = 4000


def check_question(question: str) -> str:
    """The question without surrounding white space; refused when empty or too long."""
    question = question.replace("\x00", "").strip()
    if not question:
        raise InputError("The question is empty; type one.")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise InputError(
            f"The question has {len(question):,} characters; at most {MAX_QUESTION_CHARACTERS:,} can be read. "
            "Shorten it, or upload the long text as a document and ask about it."
        )
    return question
