"""The leaderboard of the page: a choice of a session, and what its votes say (`app.standings`)."""

from typing import Any

import gradio as gr

from app.faults import explained
from app.listing import notice_html
from eval.sessions import list_sessions
from retrieval.database import Database

ALL = "All sessions, version by version"
_INTRO = (
    "Ratings by all votes of a session, with how sure they are. Contestants share a rank as long as their intervals "
    "overlap."
)
_NONE = "There is no session yet; begin one in Battle, or by footnote eval battle."


class Leaderboard:
    """The handlers over the records."""

    def __init__(self, records: Database):
        self._records = records

    def look(self, chosen: str | None) -> tuple[Any, str]:
        """The sessions of battles, the newest first, and the standings of the one that is chosen."""
        names = [session.name for session in list_sessions(self._records) if session.kind == "battle"]
        choices = [*names, ALL] if len(names) > 1 else names
        value = chosen if chosen in choices else (names[0] if names else None)
        return gr.update(choices=choices, value=value), self.show(value)

    def show(self, session: str | None) -> str:
        """The standings of a session."""
        if not session:
            return notice_html(_NONE)
        # Here: both take a second to import, which the first page need not wait for.
        from app.standings import standings_html
        from app.versions import versions_html
        from eval.session_report import battle_report
        from eval.versions import versions_report

        def made() -> str:
            if session == ALL:
                return versions_html(versions_report(self._records))
            return standings_html(battle_report(self._records, session))

        html, refusal = explained(made, "a leaderboard could not be made")
        return html or refusal


def build_leaderboard(leaderboard: Leaderboard, tab: gr.Tab) -> None:
    """Build the leaderboard in the open tab, with its handlers."""
    gr.HTML(f'<div class="fn-intro"><h2>Leaderboard</h2><p>{_INTRO}</p></div>')
    with gr.Row(elem_classes="fn-choose"):
        session = gr.Dropdown([], label="Session", min_width=200, elem_id="fn-board-session")
        again = gr.Button("Refresh", min_width=120, scale=0)
    board = gr.HTML(elem_id="fn-board", min_height=0)
    quiet: dict[str, Any] = {"api_visibility": "private"}
    tab.select(leaderboard.look, session, [session, board], **quiet)
    again.click(leaderboard.look, session, [session, board], **quiet)
    session.input(leaderboard.show, session, board, **quiet)
