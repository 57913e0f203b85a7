"""Battles as they are fought, over a tiny real model and real records."""

import threading
from itertools import chain

import pytest

from assistant.engine.sampling import Sampling
from assistant.errors import InputError
from assistant.types import Answered, Prompted, Token
from eval.contest import Contest, Revealed
from eval.contestants import Contestant
from eval.generations import Generations
from eval.sessions import create_session, plan_session
from eval.votes import cast, scores_by_pair, votes_of
from retrieval.errors import LibraryError


def test_a_battle_is_played_voted_and_then_told(contest, records):
    matchup = contest.next("ann")
    said = list(contest.play(matchup))
    for side in ("left", "right"):
        events = [each.event for each in said if each.side == side]
        assert isinstance(events[0], Prompted)
        assert isinstance(events[-1], Answered)
        assert "".join(event.text for event in events if isinstance(event, Token)).strip() == events[-1].answer.answer
    told = contest.vote(matchup, "right", 2.5)
    names = [contestant.name for contestant in contest.session.contestants]
    assert told == Revealed(names[matchup.left], names[matchup.right], "right")
    (vote,) = votes_of(records, contest.session.id)
    assert (vote.rater, vote.kind, vote.number, vote.winner, vote.seconds) == ("ann", "person", 1, "right", 2.5)
    assert (vote.left, vote.right) == (told.left, told.right)
    assert contest.progress(" ann ").voted == 1


def test_an_open_battle_is_shown_again_until_it_is_voted_on(contest, records, session, assistant):
    first = contest.next("ann")
    assert contest.next("ann") == first
    assert Contest(records, session, assistant).next("ann") == first
    other = contest.next("bob")
    assert other.id != first.id
    list(contest.play(first))
    contest.vote(first, "tie")
    assert contest.next("ann").number == 2


def test_a_rater_comes_to_the_end(contest, fight):
    battles = fight(["left", "skip", "bad"])
    assert contest.next("ann") is None
    assert len({battle.prompt for battle in battles}) == 3
    assert (contest.progress("ann").voted, contest.progress("ann").battles) == (3, 3)


def test_a_battle_has_one_vote(contest, fight, records):
    (battle,) = fight(["left"])
    with pytest.raises(InputError, match="has your vote already, perhaps from another window"):
        contest.vote(battle, "right")
    assert [vote.winner for vote in votes_of(records, contest.session.id)] == ["left"]


def test_of_many_votes_at_once_one_is_stored(contest, records):
    battle = contest.next("ann")
    list(contest.play(battle))
    refused, start = [], threading.Barrier(8)

    def vote(winner):
        start.wait()
        try:
            contest.vote(battle, winner)
        except InputError as fault:
            refused.append(fault)

    threads = [threading.Thread(target=vote, args=[winner]) for winner in ("left", "right") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7
    assert len(votes_of(records, contest.session.id)) == 1


def test_two_windows_of_a_rater_get_the_same_battle(contest):
    found, start = [], threading.Barrier(6)

    def ask():
        start.wait()
        found.append(contest.next("ann"))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


@pytest.mark.parametrize("winner", ["both", "", "LEFT"])
def test_what_is_no_vote_is_refused(contest, records, winner):
    battle = contest.next("ann")
    list(contest.play(battle))
    with pytest.raises(InputError, match="a vote is one of left, right, tie, bad, skip"):
        contest.vote(battle, winner)
    assert votes_of(records, contest.session.id) == []


def test_no_vote_before_both_answers_are_there(contest, records):
    battle = contest.next("ann")
    with pytest.raises(InputError, match="both answers must be there before a vote"):
        contest.vote(battle, "left")
    with pytest.raises(InputError, match="not there any more"):
        cast(records, 99, "left")


def test_answers_are_kept_with_all_that_made_them(contest, records, two):
    battle = contest.next("ann")
    said = list(contest.play(battle))
    rows = records.all(
        "SELECT messages, draft, checkpoint, json_extract(sampling, '$.seed'), latency_ms FROM generations"
    )
    assert len(rows) == 2
    for messages, draft, checkpoint, seed, latency in rows:
        assert "<|im_start|>" not in messages
        assert contest.session.prompts[battle.prompt] in messages
        assert draft is not None
        assert checkpoint
        assert seed is not None
        assert latency > 0
    again = list(contest.play(battle))
    assert [type(each.event) for each in again[-2:]] == [Answered, Answered]
    assert {type(each.event) for each in again[:-2]} <= {Token}
    assert {each.event.answer.answer for each in again[-2:]} == {
        each.event.answer.answer for each in said if isinstance(each.event, Answered)
    }


def test_the_same_seed_gives_the_same_answers(records, assistant, two, contest):
    twin = create_session(records, "twin", contest.session.prompts, two, seed=contest.session.seed)
    other = create_session(records, "other", contest.session.prompts, two, seed=99)
    texts = {}
    for session in (contest.session, twin, other):
        Generations(records, session, assistant).make_all()
        rows = records.all("SELECT draft FROM generations WHERE session_id = ? ORDER BY contestant, prompt", session.id)
        texts[session.name] = [draft for (draft,) in rows]
    assert texts["first"] == texts["twin"]
    assert texts["first"][:3] == texts["other"][:3]
    assert texts["first"][3:] != texts["other"][3:]


def test_an_answer_that_was_stopped_is_not_kept(contest, records):
    battle, stop = contest.next("ann"), threading.Event()
    playing = contest.play(battle, stop)
    next(playing)
    stop.set()
    list(playing)
    assert records.all("SELECT count(*) FROM generations") == [(0,)]
    playing = contest.play(battle)
    next(playing)
    playing.close()
    assert all(not thread.name.startswith("stream ") for thread in threading.enumerate())
    list(contest.play(battle))
    assert records.all("SELECT count(*) FROM generations") == [(2,)]


def test_grounded_contestants_read_documents_by_their_leg(records, assistant, tiny_checkpoint):
    fighters = [Contestant(leg, str(tiny_checkpoint), leg) for leg in ("dense", "sparse", "hybrid")]
    session = create_session(records, "legs", ["When was the Skerryvore lighthouse lit?"], fighters)
    generations = Generations(records, session, assistant)
    assert generations.make_all() == 3
    assert generations.make_all() == 0
    for number in range(3):
        answer = generations.stored(number, 0)
        assert "1844" in answer.answer
        assert answer.citations


def test_a_contestant_that_cannot_answer_is_told_before_and_during(records, assistant, tiny_checkpoint, tmp_path):
    model = str(tiny_checkpoint)
    fighters = [Contestant("fine", model), Contestant("empty", model, "hybrid", collection="none yet")]
    session = create_session(records, "one", ["Who?"], fighters)
    contest = Contest(records, session, assistant)
    with pytest.raises(InputError, match="no documents in the collection 'none yet'"):
        contest.generations.check()
    with pytest.raises(InputError, match="no documents in the collection 'none yet'"):
        list(contest.play(contest.next("ann")))
    planned = plan_session("two", ["Who?"], [fighters[0], Contestant("gone", str(tmp_path / "gone"))])
    with pytest.raises(Exception, match="no such folder"):
        Generations(records, planned, assistant).check()
    prompted = plan_session("three", ["Who?"], [fighters[0], Contestant("told", model, prompt="terse")])
    with pytest.raises(InputError, match="no saved prompt 'terse'"):
        Generations(records, prompted, assistant).check()


def test_pairs_are_counted_for_the_draw_whichever_side_they_stood_on(contest, fight, records):
    battles = fight(["left", "tie", "skip"])
    expected = [1.0 if battles[0].left == 0 else 0.0, 0.5]
    assert scores_by_pair(records, contest.session.id) == {(0, 1): expected}
    assert scores_by_pair(records, contest.session.id, "model") == {}


def test_records_that_are_closed_say_so(records, contest):
    records.close()
    with pytest.raises(LibraryError, match="is closed; open it again"):
        contest.next("ann")


def test_events_of_both_sides_come_mixed(contest):
    """Neither side waits for the other to be written."""
    said = list(contest.play(contest.next("ann")))
    ends = {side: max(n for n, each in enumerate(said) if each.side == side) for side in ("left", "right")}
    starts = {side: min(n for n, each in enumerate(said) if each.side == side) for side in ("left", "right")}
    assert max(starts.values()) < min(ends.values())
    assert set(chain.from_iterable([[each.side] for each in said])) == {"left", "right"}


def test_an_answer_whose_name_was_told_is_not_shown_again(records, assistant, tiny_checkpoint):
    model = str(tiny_checkpoint)
    fighters = [Contestant(name, model, sampling=Sampling(seed=at, max_tokens=2)) for at, name in enumerate("abcde")]
    contest = Contest(records, create_session(records, "five", ["Who?", "Where?"], fighters), assistant)
    seen = []
    while (matchup := contest.next("ann")) is not None:
        seen += [(matchup.left, matchup.prompt), (matchup.right, matchup.prompt)]
        cast(records, matchup.id, "tie")
    assert len(seen) == len(set(seen)) == 2 * contest.progress("ann").battles == 8
    assert contest.progress("ann").voted == 4


def test_a_kept_answer_grows_as_one_that_is_written(contest, records):
    """Whether an answer was there before shows neither in its end nor in the number of its pieces beside the other."""
    battle = contest.next("ann")
    list(contest.play(battle))
    records.all("UPDATE generations SET draft = 'one two three' WHERE contestant = 0")
    records.all("DELETE FROM generations WHERE contestant = 1")
    said = list(contest.play(battle))
    kept = "left" if battle.left == 0 else "right"
    assert [each.event.text for each in said if each.side == kept and isinstance(each.event, Token)] == [
        *("one", " two", " three"),
    ]
    assert [type(each.event) for each in said[-2:]] == [Answered, Answered]
    assert {each.side for each in said[-2:]} == {"left", "right"}


def test_a_person_cannot_give_the_verdict_that_only_models_have(contest, records):
    battle = contest.next("ann")
    list(contest.play(battle))
    with pytest.raises(InputError, match="a vote of a person is one of left, right, tie, bad, skip, not 'unreadable'"):
        contest.vote(battle, "unreadable")
    assert votes_of(records, contest.session.id) == []


def test_a_name_in_two_unicode_forms_is_one_rater(contest):
    assert contest.next("Jos\u00e9") == contest.next("Jose\u0301 ")
