import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.decide import decide
from assistant.select import Evidence, select
from assistant.verify import cite, draft_sentences, verify, without_marks
from retrieval.embed import Embedder
from retrieval.types import Hit

TEXT = "The lighthouse was lit in 1844. Its builder was Alan Stevenson. It does not stand on the mainland."


@pytest.fixture(scope="module")
def encode():
    return Embedder().encode


def _hit(text=TEXT, start=10, name="a.txt"):
    return Hit(1, text, name, name, 2, start, start + len(text), 0.03, 1, 1)


@pytest.fixture(scope="module")
def evidence(encode):
    return select("When was the lighthouse lit?", [_hit()], encode)


def test_selection_puts_the_sentence_that_answers_first_and_keeps_offsets(evidence):
    best = evidence.ranked[0]
    assert best.text == "The lighthouse was lit in 1844."
    assert TEXT[best.start - 10 : best.end - 10] == best.text
    assert evidence.sources[0][0] == best


def test_a_sentence_in_two_overlapping_passages_is_a_candidate_once(encode):
    second = TEXT[32:]
    chosen = select("Who built it?", [_hit(), _hit(second, start=42)], encode)
    assert len(chosen.ranked) == 3


@pytest.mark.parametrize(
    ("evidence", "draft"),
    [
        ("The plant cost 3 million dollars to build.", "The plant cost 3 billion dollars to build."),
        ("Take two blue tablets before breakfast.", "Take two red tablets before breakfast."),
        ("Take two blue tablets before breakfast.", "Take two blue tablets after breakfast."),
    ],
)
def test_one_foreign_word_is_enough_to_fail(evidence, draft, encode):
    chosen = select("How?", [_hit(evidence)], encode)
    assert [verify([text], chosen, encode)[0].supported for text in (evidence, draft)] == [True, False]


def test_a_question_has_a_vector_of_its_own(encode):
    def asked(text):
        return encode(["The valve is closed at night."])[0]

    texts = [_hit("Bread is baked.", start=10), _hit("Valves close by night.", name="b.txt")]
    assert select("Bread baked?", texts, encode).ranked[0].text == "Bread is baked."
    likeness = [
        {candidate.text: candidate.score for candidate in select("Bread baked?", texts, encode, *more).ranked}
        for more in ([], [asked])
    ]
    assert likeness[1]["Valves close by night."] > likeness[0]["Valves close by night."] + 0.3


def test_sentences_far_apart_are_no_neighbours(encode):
    far = _hit("The valve must be closed. Never open it.", start=90_000)
    chosen = select("When must the valve be closed?", [_hit(start=10), far], encode)
    assert [candidate.start >= 90_000 for candidate in chosen.sources[0]] == [True, True]


def test_the_same_words_elsewhere_are_no_second_source(encode):
    twice = [_hit(), _hit(name="copy.txt")]
    texts = [source[0].text for source in select("When was the lighthouse lit?", twice, encode).sources]
    assert texts[0] == "The lighthouse was lit in 1844."
    assert len(texts) == len(set(texts)) > 1


def test_no_passages_no_evidence(encode):
    assert select("Who?", [], encode) == Evidence((), ())


@pytest.mark.parametrize(
    ("draft", "supported"),
    [
        ("The lighthouse was lit in 1844.", True),
        ("The builder was Alan Stevenson.", True),
        ("The lighthouse was lit in 1845.", False),
        ("It does stand on the mainland.", False),
        ("Bananas grow in Iceland.", False),
        ("Its builder was Alan Turing.", False),
        ("The lighthouse was painted in 1844.", False),
    ],
)
def test_support_needs_words_numbers_and_polarity(draft, supported, evidence, encode):
    assert verify([draft], evidence, encode)[0].supported is supported


def test_without_evidence_nothing_is_supported(encode):
    (checked,) = verify(["Anything."], Evidence((), ()), encode)
    assert (checked.supported, checked.nearest) == (False, None)


def test_the_same_words_keep_one_footnote(evidence, encode):
    draft = ["The lighthouse was lit in 1844.", "Its builder was Alan Stevenson.", "The lighthouse was lit in 1844."]
    sentences, citations = cite(verify(draft, evidence, encode))
    assert [sentence.citations for sentence in sentences] == [(1,), (2,), (1,)]
    assert [citation.quote for citation in citations] == draft[:2]
    assert citations[0].page == 2
    assert all(TEXT[c.start - 10 : c.end - 10] == c.quote for c in citations)


def test_a_supported_draft_is_the_answer(evidence, encode):
    decision = decide(verify(["The lighthouse was lit in 1844."], evidence, encode), evidence)
    assert (decision.abstained, decision.text) == (False, "The lighthouse was lit in 1844.")


@pytest.mark.parametrize("draft", [[], ["It was lit in 1999."], ["It does not stand on the mainland."]])
def test_else_the_best_sentence_is_quoted(draft, evidence, encode):
    decision = decide(verify(draft, evidence, encode), evidence)
    assert (decision.abstained, decision.text) == (False, "The lighthouse was lit in 1844.")


def test_the_same_words_in_two_documents_are_quoted_once(encode):
    evidence = select("When was the lighthouse lit?", [_hit(), _hit(name="copy.txt")], encode)
    decision = decide([], evidence)
    assert decision.text.count("The lighthouse was lit in 1844.") == 1


def test_far_evidence_makes_it_abstain_and_name_the_nearest(encode):
    evidence = select("What is the capital of Peru?", [_hit()], encode)
    decision = decide(verify(["The capital is Lima."], evidence, encode), evidence)
    assert decision.abstained
    assert decision.text.startswith("I don't know.")
    assert "a.txt, page 2" in decision.text
    assert decision.sentences == ()


def test_draft_sentences_lose_the_marks_of_the_model():
    assert draft_sentences("It was lit in 1844. [1] It is [2] tall.") == ["It was lit in 1844.", "It is tall."]


@given(st.text("[]1 a.", max_size=40))
def test_marks_are_all_that_is_removed(text):
    left = without_marks(text)
    assert left.replace("[", "").replace("]", "").replace("1", "").replace(" ", "") == "".join(
        character for character in text if character in "a."
    )
