"""The assistant: the way of a question from text to an answer whose sentences are checked."""
