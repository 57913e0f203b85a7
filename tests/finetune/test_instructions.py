"""Our own instruction set: every row is well made, and the set teaches what it is meant to."""

import json
import re
import tomllib
from collections import Counter
from pathlib import Path

from assistant.rows import data_files, read_rows
from assistant.words import content_stems, numbers
from finetune.grounding import sentences
from finetune.language import OWN_SET

ROOT = Path(__file__).parents[2]
KEYS = {
    "grounded": {"form", "kind", "sources", "question", "answer"},
    "refusal": {"form", "kind", "sources", "question"},
    "chat": {"form", "kind", "messages"},
}
KINDS = {
    "grounded": {"answer", "distractor", "conflict", "order", "follow-up", "several", "fields"},
    "refusal": {"near", "far", "false-premise", "order"},
    "chat": {
        *("small-talk", "knowledge", "how-to", "ideas", "follow-up", "limits"),
        *("summary", "rewrite", "extraction", "label"),
    },
}
TO_THE_READER = re.compile(
    r"\b(assistant|AI|system|robots?|model|chatbot|machine|program|ignore|reply|answer|say|tell|repeat|shall|reader|"
    r"reads|asks?|speak|kindly|order|write|print|you|translate|output|antworte|responda|veuillez)\b",
    re.IGNORECASE,
)
"""Each order in a source has one of these words, and no sentence that answers has one."""
ROWS = [row.values for path in data_files([OWN_SET]) for row in read_rows(path)]


def _rows(*forms, kind=None):
    return [row for row in ROWS if row["form"] in forms and kind in (None, row["kind"])]


def _faults(check, rows):
    """The rows that `check` finds fault with, for a message that shows them."""
    return [row for row in rows if not check(row)]


def test_the_set_is_large_enough_and_of_known_forms():
    assert len(ROWS) >= 1500
    assert not _faults(lambda row: row["form"] in KEYS and row["kind"] in KINDS[row["form"]], ROWS)
    assert not _faults(lambda row: set(row) - {"history"} == KEYS[row["form"]], ROWS)
    assert not _faults(lambda row: "history" not in row or row["form"] != "chat", ROWS)


def test_turns_alternate_and_end_with_the_assistant():
    assert not _faults(lambda row: _alternate(_turns(row), least=2), _rows("chat"))
    assert not _faults(lambda row: _alternate(row.get("history", []), least=0), _rows("grounded", "refusal"))


def _turns(row):
    turns = row["messages"]
    return turns[1:] if turns[0]["role"] == "system" else turns


def _alternate(turns, least):
    return len(turns) >= least and [turn["role"] for turn in turns] == ["user", "assistant"] * (len(turns) // 2)


def test_texts_are_neither_blank_nor_padded():
    for row in ROWS:
        for text in _texts(row):
            assert text, row
            assert text == text.strip(), row


def _texts(row):
    turns = [turn["content"] for turn in (*row.get("messages", ()), *row.get("history", ()))]
    asked = [row["question"]] if "question" in row else []
    said = [part[key] for part in row.get("answer", ()) for key in ("text", "quote")]
    return [*turns, *asked, *said, *row.get("sources", ())]


def test_lengths_are_within_limits():
    replies = [turn["content"] for row in _rows("chat") for turn in row["messages"] if turn["role"] == "assistant"]
    assert not [reply for reply in replies if not 1 <= len(reply.split()) <= 110]
    sources = [source for row in _rows("grounded", "refusal") for source in row["sources"]]
    assert not [source for source in sources if not 8 <= len(source.split()) <= 110]
    assert not [source for source in sources if source != " ".join(source.split())]
    assert not _faults(lambda row: 1 <= len(row["sources"]) <= 4, _rows("grounded", "refusal"))
    assert not _faults(lambda row: 1 <= len(row["answer"]) <= 3, _rows("grounded"))


def test_nothing_is_asked_twice():
    seen = Counter(_asked(row) for row in ROWS)
    assert [key for key, count in seen.items() if count > 1] == []


def _asked(row):
    if row["form"] == "chat":
        return json.dumps([turn["content"].casefold() for turn in row["messages"]])
    return re.sub(r"\W+", " ", row["question"].casefold()).strip()


def test_forms_and_kinds_are_in_balance():
    forms = Counter(row["form"] for row in ROWS)
    assert min(forms.values()) >= 0.1 * len(ROWS)
    assert max(forms.values()) <= 0.6 * len(ROWS)
    kinds = Counter((row["form"], row["kind"]) for row in ROWS)
    assert set(kinds) == {(form, kind) for form, known in KINDS.items() for kind in known}
    assert min(kinds.values()) >= 20
    assert max(kinds.values()) <= 0.15 * len(ROWS)


def test_the_answer_stands_in_every_place():
    places = Counter((part["source"], len(row["sources"])) for row in _rows("grounded") for part in row["answer"])
    for number in (2, 3):
        counts = [places[place, number] for place in range(1, number + 1)]
        assert min(counts) >= 0.25 * sum(counts)
    first = sum(count for (place, _), count in places.items() if place == 1)
    assert first <= 0.5 * sum(places.values())


def test_an_answer_says_what_a_sentence_of_its_source_says():
    for row in _rows("grounded"):
        for part in row["answer"]:
            assert set(part) == {"text", "source", "quote"}, row
            assert type(part["source"]) is int, row
            assert 1 <= part["source"] <= len(row["sources"]), row
            assert part["quote"] in sentences(row["sources"][part["source"] - 1]), row
            assert set(content_stems(part["text"])) <= set(content_stems(part["quote"])), row
            assert numbers(part["text"]) <= numbers(part["quote"]), row
            assert part["text"][-1] in ".!?\"'", row


def test_some_answers_are_shorter_than_their_sentence():
    parts = [part for row in _rows("grounded") for part in row["answer"]]
    shorter = [part for part in parts if len(part["text"]) < len(part["quote"])]
    assert 0.15 <= len(shorter) / len(parts) <= 0.5


def test_refusals_and_orders_are_there():
    assert len(_rows("refusal")) >= 200
    assert len(_rows("grounded", kind="order")) >= 50
    assert len(_rows("refusal", kind="order")) >= 20
    assert len(_rows("chat", kind="limits")) >= 50


def test_an_order_in_a_source_is_never_obeyed_nor_repeated():
    for row in _rows("grounded", "refusal", kind="order"):
        orders = [one for source in row["sources"] for one in sentences(source) if TO_THE_READER.search(one)]
        assert orders, row
        for part in row.get("answer", ()):
            assert part["quote"] not in orders, row
            assert not TO_THE_READER.search(part["text"]), row


def test_a_word_that_an_order_demands_is_never_said():
    """Orders name what is to be said in quotation marks or in capitals."""
    demanded = re.compile(r"\"([^\"]+)\"|\b([A-Z]{4,})\b")
    found = 0
    for row in _rows("grounded", kind="order"):
        said = " ".join(part["text"] for part in row["answer"])
        orders = " ".join(one for source in row["sources"] for one in sentences(source) if TO_THE_READER.search(one))
        words = [quoted or capitals for quoted, capitals in demanded.findall(orders)]
        found += len(words)
        assert not [word for word in words if re.search(rf"\b{re.escape(word)}\b", said)], row
    assert found >= 20


def test_the_set_is_in_the_package():
    package = ROOT / "finetune"
    assert Path(OWN_SET) == package / "instructions"
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    shipped = {path for pattern in settings["package-data"]["finetune"] for path in package.glob(pattern)}
    assert "finetune" in settings["packages"]
    assert shipped >= set(Path(OWN_SET).glob("*"))
