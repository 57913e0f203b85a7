"""Answers, reports and documents as HTML.

Pure functions: everything that people, documents or models wrote goes through `escape`, so markup in it is shown and
never runs. A footnote number and its line under the answer are buttons that open the same card by the browser's own
popover: no script, reachable by keyboard, closed with Escape.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from html import escape as html_escape

from app.conversation import Turn
from assistant.types import Answer, Citation, Sentence

Texts = Callable[[str], str]
"""The extracted text of a document by its id; empty where the document is no longer there."""
Key = int | str
"""What tells an answer from the others of the page: the number of its turn in the chat, or a word."""

# An invisible character; with it behind them, "<" and "&" open neither a tag nor a character reference.
_JOINER = "\u2060"
_OPENS_MARKUP = re.compile("([<&])")
_CONTEXT_CHARACTERS = 280
_TEASER_CHARACTERS = 90


def escape(text: str) -> str:
    """`text` as data inside HTML, in an element or a quoted attribute."""
    # A lone surrogate, which JSON can carry, cannot be sent to the browser.
    return html_escape(text.encode("utf-8", "replace").decode("utf-8"), quote=True)


def shown_question(question: str) -> str:
    """A question as text that the chat, which takes HTML there, shows as it was typed and offers for editing."""
    return _OPENS_MARKUP.sub(rf"\1{_JOINER}", question)


def as_typed(question: str) -> str:
    """The inverse of `shown_question`."""
    return question.replace(f"<{_JOINER}", "<").replace(f"&{_JOINER}", "&")


def turn_html(number: Key, turn: Turn, texts: Texts) -> str:
    """The answer `number` (unique on the page), finished or on its way."""
    if turn.answer is not None:
        return answer_html(number, turn.answer, texts)
    if turn.draft.strip():
        draft = escape(turn.draft.strip())
        return f'<div class="fn-draft"><p class="fn-status">Draft, being checked…</p><p>{draft}</p></div>'
    if turn.passages is None:
        return '<p class="fn-status" role="status">Searching your documents…</p>'
    return f'<p class="fn-status" role="status">Reading {count(turn.passages, "passage")}…</p>'


def answer_html(number: Key, answer: Answer, texts: Texts) -> str:
    """A checked answer: its sentences marked, its footnotes below."""
    by_id = {citation.id: citation for citation in answer.citations}
    if answer.abstained or not answer.sentences:
        tag = _tag("not answered") if answer.abstained else ""
        body = f'<p class="fn-abstained">{tag} {escape(answer.answer)}</p>'
    else:
        body = f'<p class="fn-text">{" ".join(_sentence(number, item, by_id) for item in answer.sentences)}</p>'
    return f'<div class="fn-answer">{body}{_footnotes(number, answer.citations, cache(texts))}{_summary(answer)}</div>'


def _sentence(number: Key, sentence: Sentence, by_id: dict[int, Citation]) -> str:
    text = escape(sentence.text)
    if sentence.verdict == "unsupported":
        return f'<span class="fn-unsupported">{text}</span> {_tag("unsupported")}'
    marks = "".join(_mark(number, by_id[item]) for item in sentence.citations if item in by_id)
    return f'<span class="fn-supported">{text}</span>{marks}'


def _mark(number: Key, citation: Citation) -> str:
    label = escape(f"Footnote {citation.id}: {_place(citation)}")
    card = _card_id(number, citation)
    return (
        f'<sup><button type="button" class="fn-mark" popovertarget="{card}" aria-label="{label}">'
        f"{citation.id}</button></sup>"
    )


def _footnotes(number: Key, citations: Sequence[Citation], texts: Texts) -> str:
    if not citations:
        return ""
    lines = "".join(f"<li>{_line(number, item)}{_card(number, item, texts)}</li>" for item in citations)
    return f'<ol class="fn-notes" aria-label="Footnotes">{lines}</ol>'


def _line(number: Key, citation: Citation) -> str:
    teaser = " ".join(citation.quote.split())
    if len(teaser) > _TEASER_CHARACTERS:
        teaser = teaser[:_TEASER_CHARACTERS].rsplit(" ", 1)[0] + "…"
    return (
        f'<button type="button" class="fn-line" popovertarget="{_card_id(number, citation)}">'
        f'<span class="fn-number">{citation.id}</span> {_source(citation)} '
        f'<span class="fn-teaser">“{escape(teaser)}”</span></button>'
    )


def _card(number: Key, citation: Citation, texts: Texts) -> str:
    """The passage around the quote, opened by the footnote's number or line."""
    card = _card_id(number, citation)
    text = texts(citation.document_id)
    before, after = _context(citation, text)
    gone = "" if text else '<p class="fn-status">This document is no longer in the library.</p>'
    label = escape(f"Footnote {citation.id}, {_place(citation)}")
    return (
        f'<div popover id="{card}" class="fn-card" role="dialog" aria-label="{label}">'
        f'<header><span class="fn-number">{citation.id}</span> {_source(citation)}'
        f'<button type="button" class="fn-close" popovertarget="{card}" popovertargetaction="hide" aria-label="Close">'
        "×</button></header>"
        f"<blockquote>{escape(before)}<mark>{escape(citation.quote)}</mark>{escape(after)}</blockquote>{gone}</div>"
    )


def _context(citation: Citation, text: str) -> tuple[str, str]:
    """What stands before and after the quote; nothing where the document has gone or its text has changed."""
    if text[citation.start : citation.end] != citation.quote:
        return "", ""
    before = text[max(0, citation.start - _CONTEXT_CHARACTERS) : citation.start]
    after = text[citation.end : citation.end + _CONTEXT_CHARACTERS]
    if citation.start > _CONTEXT_CHARACTERS:
        before = "…" + before.partition(" ")[2]
    if citation.end + _CONTEXT_CHARACTERS < len(text):
        after = after.rpartition(" ")[0] + "…"
    return before.lstrip(), after.rstrip()


def _source(citation: Citation) -> str:
    page = "" if citation.page is None else f' <span class="fn-page">p. {citation.page}</span>'
    return f'<bdi class="fn-name">{escape(citation.document)}</bdi>{page}'


def _place(citation: Citation) -> str:
    return citation.document if citation.page is None else f"{citation.document}, page {citation.page}"


def _card_id(number: Key, citation: Citation) -> str:
    return f"fn-{number}-{citation.id}"


def _summary(answer: Answer) -> str:
    total = len(answer.sentences)
    if answer.abstained or not total:
        return ""
    supported = sum(item.verdict == "supported" for item in answer.sentences)
    if not supported:  # of an answer from documents, most sentences are
        return '<p class="fn-summary">Written without documents, so none of it was checked.</p>'
    verb = "is" if total == 1 else "are"
    return f'<p class="fn-summary">{supported} of {count(total, "sentence")} {verb} supported by your documents.</p>'


def _tag(text: str) -> str:
    return f'<span class="fn-tag">{text}</span>'


def count(number: int, noun: str) -> str:
    """`number` of `noun`, with a plural s where it needs one."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
