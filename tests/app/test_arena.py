"""A battle as HTML: blind until the vote is stored, and safe whatever was written."""

import re
from dataclasses import replace

import pytest

from app.arena import Fight, arena_html, datalists_html
from app.conversation import Turn
from assistant.types import Answer, Citation, Sentence
from eval.contest import Matchup, Progress, Revealed

ATTACK = "<img src=x onerror=alert(1)>"
PLAIN = Answer("Why?", "Because.", False, 0.0, (Sentence("Because.", "unsupported", 0.0),), (), (), "tiny")
CITED = replace(
    PLAIN,
    sentences=(Sentence("Because.", "supported", 0.9, (1,)),),
    citations=(Citation(1, "a.txt", "d1", None, 0, 8, "Because."),),
)
WRITING = Fight("trial", "Ada", Progress(2, 12), Matchup(7, 3, 0, 1, 0), Turn("Why?"), Turn("Why?", draft="Bec"))
READY = replace(WRITING, left=Turn("Why?", answer=PLAIN), right=Turn("Why?", answer=CITED))
TOLD = replace(READY, revealed=Revealed("first <b>", "second", "left"), progress=Progress(3, 12))


def shown(fight):
    return arena_html(fight, lambda _: "Because.")


@pytest.mark.parametrize(
    ("fight", "state"),
    [
        (WRITING, "writing"),
        (replace(WRITING, left=Turn("Why?", answer=PLAIN)), "writing"),
        (READY, "ready"),
        (TOLD, "told"),
        (replace(TOLD, matchup=None), "done"),
    ],
)
def test_the_state_of_a_fight(fight, state):
    assert fight.state == state
    assert f'data-state="{state}"' in shown(fight)


def test_names_are_told_after_the_vote_alone():
    for fight in (WRITING, READY):
        assert "first" not in shown(fight)
        assert "tiny" not in shown(fight)
    html = shown(TOLD)
    assert "A was first &lt;b&gt;, B was second." in html
    assert html.count("your choice") == 1


def test_votes_wait_for_both_answers_but_a_skip_does_not():
    def off(fight):
        return re.findall(r'data-winner="(\w+)" aria-keyshortcuts="\d" aria-disabled="true"', shown(fight))

    assert off(WRITING) == ["left", "tie", "right", "bad"]
    assert off(READY) == []


def test_an_answer_that_grows_is_busy_for_a_screen_reader():
    assert shown(WRITING).count('aria-live="polite" aria-busy="true"') == 2
    assert shown(READY).count('aria-live="polite" aria-busy="false"') == 2


def test_footnotes_are_shown_and_what_nobody_checked_is_not_marked():
    html = shown(READY)
    assert 'popovertarget="fn-battle-7-right-1"' in html
    assert "unsupported" not in html


def test_progress_is_told():
    assert "2 of 12 voted" in shown(WRITING)
    assert "voted on all 3 battles" in shown(replace(TOLD, matchup=None))


def test_what_people_and_models_wrote_is_shown_and_never_runs():
    turn = Turn(ATTACK, answer=replace(PLAIN, answer=ATTACK))
    fight = Fight(ATTACK, ATTACK, Progress(0, 1), Matchup(1, 1, 0, 0, 1), turn, Turn(ATTACK, draft=ATTACK))
    for each in (fight, replace(fight, revealed=Revealed(ATTACK, ATTACK, "tie")), replace(fight, matchup=None)):
        assert "<img" not in shown(each)
    assert "<img" not in datalists_html([ATTACK], [f'"{ATTACK}'])
