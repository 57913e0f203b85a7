"""The reports of the page: what `footnote eval report` left in the home's `reports/`, read in a frame of its own.

A report is a folder with report.html and report.json. The frame runs no script and may go nowhere.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from app.listing import notice_html
from app.render import escape
from assistant.errors import InputError

FOLDER = "reports"
FILES = ("report.html", "report.json")
_INTRO = "Checkpoints compared on everything that was measured, and what changed beyond chance."
_NONE = "There is no report yet; footnote eval report makes one."


class Reports:
    """The handlers over the folder of reports of a home."""

    def __init__(self, home: Path):
        self._folder = home / FOLDER

    def names(self) -> list[str]:
        """The reports there are, the newest first."""
        if not self._folder.is_dir():
            return []
        found = [each for each in self._folder.iterdir() if all((each / file).is_file() for file in FILES)]
        return [each.name for each in sorted(found, key=lambda each: (-_made(each), each.name))]

    def file(self, name: str, file: str) -> Path:
        """A file of a report. Raises InputError for a name that is not among `names`: no path leads elsewhere."""
        if name not in self.names() or file not in FILES:
            raise InputError(f"there is no report {name!r} in {self._folder}; choose one that is listed")
        return self._folder / name / file

    def look(self, chosen: str | None) -> tuple[Any, str]:
        """The choice of reports, and the one that is chosen."""
        names = self.names()
        value = chosen if chosen in names else (names[0] if names else None)
        return gr.update(choices=names, value=value), self.show(value)

    def show(self, name: str | None) -> str:
        """A report with its downloads."""
        if not name:
            return notice_html(_NONE)
        try:
            page = self.file(name, FILES[0])
            return report_html(name, page.read_text("utf-8"), _made(page.parent))
        except InputError as fault:
            return notice_html(str(fault), warning=True)
        except (OSError, UnicodeDecodeError) as fault:
            return notice_html(f"{page} cannot be read ({fault}); make the report again", warning=True)


def report_html(name: str, page: str, made: float) -> str:
    """The page of a report in a frame; `made` is in seconds since 1970."""
    where = f"/v1/evaluation/report/{quote(name, safe='')}"
    links = "".join(f'<a href="{where}/{file}" download>{file}</a>' for file in FILES)
    day = datetime.fromtimestamp(made, UTC).date().isoformat()
    return (
        f'<p class="fn-status">Made {day}</p><p class="fn-links" role="group" aria-label="Downloads">{links}</p>'
        f'<iframe class="fn-report-page" sandbox="" title="Report {escape(name)}" srcdoc="{escape(page)}"></iframe>'
    )


def build_reports(reports: Reports, tab: gr.Tab) -> None:
    """Build the reports in the open tab, with their handlers."""
    gr.HTML(f'<div class="fn-intro"><h2>Report</h2><p>{_INTRO}</p></div>')
    with gr.Row(elem_classes="fn-choose"):
        name = gr.Dropdown([], label="Report", min_width=200, elem_id="fn-report-name")
    shown = gr.HTML(elem_id="fn-report-shown", min_height=0)
    quiet: dict[str, Any] = {"api_visibility": "private"}
    tab.select(reports.look, name, [name, shown], **quiet)
    name.input(reports.show, name, shown, **quiet)


def _made(folder: Path) -> float:
    return (folder / FILES[0]).stat().st_mtime
