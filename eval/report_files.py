"""The files of a report: one page and one JSON file in a folder of their own."""

import json
import os
import re
from pathlib import Path
from typing import Any

from assistant.atomic import new_folder
from assistant.errors import InputError
from eval.report_html import page

HTML_FILE, JSON_FILE = "report.html", "report.json"
_NAME = re.compile(r"[^./\\\s][^/\\]*")


def write_report(folder: Path, found: dict[str, Any]) -> None:
    """Both or neither; the same report is the same bytes. Raises InputError where they cannot be written."""
    html = page(found, f"Report: {found['name']}")
    text = json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
    with new_folder(folder) as part:
        (part / HTML_FILE).write_text(html, encoding="utf-8", newline="")
        (part / JSON_FILE).write_text(f"{text}\n", encoding="utf-8", newline="")


def check_folder(folder: Path) -> None:
    """Raises InputError where a report could not be written there at the end."""
    if os.path.lexists(folder):
        raise InputError(f"{folder} exists; name a new folder with --to")
    above = next(parent for parent in folder.absolute().parents if parent.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise InputError(f"{folder} cannot be made: {above} cannot be written to; name another with --to")


def report_folder(home: Path, to: Path | None, name: str) -> Path:
    """Where the report goes. Raises InputError for a name that is no name of a folder."""
    if to is not None:
        return to
    if not _NAME.fullmatch(name):
        raise InputError(
            f"--name: {name!r} cannot be the name of a folder; use letters, digits and dashes, or name one with --to"
        )
    return home / "reports" / name
