"""The scripts of the page's own parts, as files beside this one."""

from pathlib import Path


def script(*names: str) -> str:
    """The text of the scripts, in order, as one."""
    return "".join(Path(__file__).with_name(name).read_text("utf-8") for name in names)
