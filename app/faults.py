"""What a handler of the page says when its work fails: the reason, or that the fault is ours and is in the log."""

import logging
from collections.abc import Callable
from typing import TypeVar

from app.listing import notice_html
from assistant.errors import SHOWN

FAULT = "Something went wrong in the program; the trace is in its log. Try it again."
Made = TypeVar("Made")


def reason_of(fault: Exception, failed: str) -> str:
    """Why something failed, for the reader; a fault of ours goes into the log, with its trace, as `failed`."""
    if isinstance(fault, SHOWN):
        return str(fault)
    logging.getLogger("footnote").error(failed, exc_info=fault)
    return FAULT


def refusal_html(fault: Exception, failed: str) -> str:
    """`reason_of` as a warning."""
    return notice_html(reason_of(fault, failed), warning=True)


def explained(work: Callable[[], Made], failed: str) -> tuple[Made | None, str]:
    """What `work` makes, or None and why, as HTML."""
    try:
        return work(), ""
    except Exception as fault:
        return None, refusal_html(fault, failed)
