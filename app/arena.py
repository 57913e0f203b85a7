"""A battle as HTML: the question, two answers without names, the buttons of a vote, and after it the names.

Pure functions; what people, documents and models wrote is escaped. `arena.js` has the keys.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.conversation import Turn
from app.render import Texts, answer_html, count, escape
from assistant.types import Answer
from eval.contest import Matchup, Progress, Revealed

SIDES = ("left", "right")
_LETTERS = {"left": "A", "right": "B"}
_BUTTONS = (
    ("left", "A is better", "1"),
    ("tie", "Tie", "2"),
    ("right", "B is better", "3"),
    ("bad", "Both bad", "4"),
    ("skip", "Skip", "5"),
)
_OUTCOMES = {
    "left": "You preferred A.",
    "right": "You preferred B.",
    "tie": "You called it a tie.",
    "bad": "You found both bad.",
    "skip": "You skipped this one.",
}


@dataclass(frozen=True, slots=True)
class Fight:
    """What the server keeps for one browser tab: the battle it is at, and how far both answers have come.

    Setting `stop` ends the answers that are being written. With `revealed`, the vote is stored.
    """

    session: str
    rater: str
    progress: Progress
    matchup: Matchup | None = None
    left: Turn = field(default_factory=lambda: Turn(""))
    right: Turn = field(default_factory=lambda: Turn(""))
    revealed: Revealed | None = None
    stop: threading.Event | None = None

    @property
    def state(self) -> str:
        """`writing`, `ready` for a vote, `told` after it, or `done` where there is nothing more to vote on."""
        if self.matchup is None:
            return "done"
        if self.revealed is not None:
            return "told"
        return "writing" if self.left.answer is None or self.right.answer is None else "ready"


def arena_html(fight: Fight, texts: Texts) -> str:
    """The whole battle."""
    if fight.matchup is None:
        return _done(fight)
    return (
        f'<div class="fn-arena" data-battle="{fight.matchup.id}" data-state="{fight.state}">'
        f"{_progress(fight)}"
        f'<section class="fn-asked" tabindex="-1" aria-label="Question"><p>{escape(fight.left.question)}</p></section>'
        f'<div class="fn-panes">{"".join(_pane(fight, side, texts) for side in SIDES)}</div>'
        f"{_outcome(fight) if fight.revealed else _votes(fight)}</div>"
    )


def _progress(fight: Fight) -> str:
    voted, battles = fight.progress.voted, fight.progress.battles
    number = fight.matchup.number if fight.matchup else voted
    return (
        f'<div class="fn-progress"><span>Battle {number:,} of <bdi>{escape(fight.session)}</bdi></span>'
        f'<progress max="{battles}" value="{voted}" aria-label="Battles voted on"></progress>'
        f"<span>{voted:,} of {battles:,} voted</span></div>"
    )


def _pane(fight: Fight, side: str, texts: Texts) -> str:
    turn = fight.left if side == "left" else fight.right
    letter, won = _LETTERS[side], fight.revealed is not None and fight.revealed.winner == side
    name = ""
    if fight.revealed is not None:
        name = f' <bdi class="fn-unveiled">{escape(getattr(fight.revealed, side))}</bdi>'
    badge = ' <span class="fn-tag fn-won">your choice</span>' if won else ""
    return (
        f'<section class="fn-pane{" fn-chosen" if won else ""}" aria-label="Answer {letter}" aria-live="polite" '
        f'aria-busy="{str(turn.answer is None).lower()}"><h3>Answer {letter}{name}{badge}</h3>'
        f"{_reply(fight, side, turn, texts)}</section>"
    )


def _reply(fight: Fight, side: str, turn: Turn, texts: Texts) -> str:
    if turn.answer is not None:
        key = f"battle-{fight.matchup.id if fight.matchup else 0}-{side}"
        return answer_html(key, turn.answer, texts) if _grounded(turn.answer) else _plain(turn.answer.answer)
    if turn.draft.strip():
        return _plain(turn.draft)
    return '<p class="fn-status fn-waiting">Thinking…</p>'


def _grounded(answer: Answer) -> bool:
    """Whether something was checked; of an answer without documents, marks would only say that nothing was."""
    return answer.abstained or any(sentence.verdict == "supported" for sentence in answer.sentences)


def _plain(text: str) -> str:
    shown = escape(text.strip()) or '<span class="fn-status">(an empty answer)</span>'
    return f'<div class="fn-answer"><p class="fn-text fn-plain">{shown}</p></div>'


def _votes(fight: Fight) -> str:
    ready = fight.state == "ready"
    buttons = "".join(
        f'<button type="button" class="fn-vote" data-winner="{winner}" aria-keyshortcuts="{key}" '
        f'aria-disabled="{str(not ready and winner != "skip").lower()}">{label} <kbd aria-hidden="true">{key}</kbd>'
        "</button>"
        for winner, label, key in _BUTTONS
    )
    hint = "Which answer is better?" if ready else "Both answers are being written…"
    return (
        f'<div class="fn-ballot"><p class="fn-hint">{hint}</p>'
        f'<div class="fn-votes" role="group" aria-label="Your vote">{buttons}</div></div>'
    )


def _outcome(fight: Fight) -> str:
    if fight.revealed is None:
        return ""
    names = f"A was {escape(fight.revealed.left)}, B was {escape(fight.revealed.right)}."
    said = f"<p data-tell><strong>{_OUTCOMES[fight.revealed.winner]}</strong> <span>{names}</span></p>"
    return (
        f'<div class="fn-ballot fn-outcome">{said}'
        '<button type="button" class="fn-vote fn-primary" data-act="onward">Next battle</button></div>'
    )


def _done(fight: Fight) -> str:
    voted = count(fight.progress.voted, "battle")
    return (
        f'<div class="fn-arena fn-blank" data-state="done"><p data-tell>You have voted on all {voted} of '
        f"<bdi>{escape(fight.session)}</bdi>. Thank you; the Leaderboard tab shows what came of them.</p></div>"
    )


def datalists_html(models: Sequence[str], prompts: Sequence[str]) -> str:
    """What is offered where a contestant's model and prompt are typed."""
    return "".join(
        f'<datalist id="{id_}">{"".join(f"<option value={chr(34)}{escape(name)}{chr(34)}></option>" for name in names)}'
        "</datalist>"
        for id_, names in (("fn-models", models), ("fn-saved-prompts", prompts))
    )
