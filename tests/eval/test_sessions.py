"""Sessions as rows: what they are begun with, what is refused, who rates."""

import pytest

from assistant.engine.sampling import Sampling
from assistant.errors import InputError
from eval.contestants import Contestant, contestant_of
from eval.sessions import add_rater, create_session, find_session, list_sessions, remove_session

TWO = (Contestant("a"), Contestant("b", retrieval="sparse"))


def test_a_session_is_read_as_it_was_begun(records):
    made = create_session(records, ' Größe 🥇, "one" ', ["Who?", "  Who? ", "", "Where,\nand when?"], TWO, seed=7)
    assert made.name == 'Größe 🥇, "one"'
    assert made.prompts == ("Who?", "Where,\nand when?")
    assert find_session(records, made.name) == made
    (summary,) = list_sessions(records)
    assert (summary.kind, summary.prompts, summary.contestants, summary.votes) == ("battle", 2, 2, 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": " "}, "a session's name must be 1 to 80 visible characters"),
        ({"name": "a\x1b[2J"}, "visible characters"),
        ({"prompts": [" "]}, "1 to 10,000 different prompts, not 0"),
        ({"prompts": ["fine", "x" * 4001]}, "prompt 2 has 4,001 characters; 4,000 are the most"),
        ({"contestants": TWO[:1]}, "2 to 60 contestants, not 1"),
        ({"contestants": (*TWO, Contestant("a", "other"))}, "two contestants are called 'a'"),
        ({"contestants": (*TWO, Contestant(" a", "other"))}, "two contestants are called ' a'"),
        ({"contestants": (*TWO, Contestant("c"))}, "'a' and 'c' are the same in all but name"),
        ({"uniform": 0}, "uniform must be above 0"),
        ({"uniform": float("nan")}, "uniform must be above 0"),
        ({"seed": -1}, "seed must be from 0"),
    ],
)
def test_what_cannot_be_a_session_is_refused_and_leaves_nothing(records, given, message):
    wanted = {"name": "one", "prompts": ["Who?"], "contestants": TWO, **given}
    with pytest.raises(InputError, match=message):
        create_session(records, **wanted)
    assert list_sessions(records) == []


def test_a_name_is_given_once(records):
    create_session(records, "one", ["Who?"], TWO)
    with pytest.raises(InputError, match="there is a session called 'one' already"):
        create_session(records, "one", ["Where?"], TWO)
    assert find_session(records, "one").prompts == ("Who?",)


def test_an_unknown_session_is_told_with_those_there_are(records):
    with pytest.raises(InputError, match="no session called 'one'; there are: none yet"):
        find_session(records, "one")
    create_session(records, "two", ["Who?"], TWO)
    with pytest.raises(InputError, match="there are: 'two'"):
        find_session(records, "one")


def test_removing_a_session_removes_all_of_it(records, fight):
    fight(["left", "tie"])
    remove_session(records, "first")
    tables = ("sessions", "contestants", "prompts", "generations", "battles", "votes")
    for table in tables:
        assert records.all(f"SELECT count(*) FROM {table}") == [(0,)]  # noqa: S608


def test_a_rater_keeps_one_name_and_one_kind(records):
    with records.transaction():
        assert add_rater(records, "  Ann   B. ", "person") == "Ann B."
        assert add_rater(records, "Ann B.", "person") == "Ann B."
        with pytest.raises(InputError, match=r"'Ann B\.' is the name of a person that rates"):
            add_rater(records, "Ann B.", "model")
        with pytest.raises(InputError, match="a rater's name must be 1 to 80 visible characters"):
            add_rater(records, " \n ", "person")
    assert records.all("SELECT * FROM raters") == [("Ann B.", "person")]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": "a", "temprature": 1}, "a contestant has no 'temprature'"),
        ({"name": "a", "sampling": {"temperature": 9}}, "temperature must be from 0 to 2, not 9"),
        ({"name": "a", "sampling": {"heat": 1}}, "contestant a: sampling has no 'heat'"),
        ({"name": "a", "model": 3}, "contestant a: model: Input should be a valid string"),
        ({"name": "a", "model": " "}, "a: model must not be empty"),
        ({"name": "a", "retrieval": "magic"}, "a: retrieval must be one of none, hybrid, dense, sparse, not 'magic'"),
        ({"name": "a\nb"}, "a contestant's name must be"),
    ],
)
def test_what_cannot_be_a_contestant_is_refused_by_name(values, message):
    with pytest.raises(InputError, match=message):
        contestant_of(values)


def test_a_contestant_is_read_from_what_it_writes():
    one = Contestant("a", "m", "dense", "papers", "terse", Sampling(temperature=0.5, stop=("\n",), seed=4))
    assert contestant_of({"name": "a", **one.settings()}) == one
