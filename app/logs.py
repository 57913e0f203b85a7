"""The program's log: one rotating file in the home. Questions and documents are never written to it."""

import logging
import logging.handlers
from pathlib import Path

_BYTES = 2_000_000
_OLD_FILES = 1
_LOGGERS = ("footnote", "retrieval", "uvicorn.error", "asyncio")


def log_to(home: Path) -> Path:
    """Send what the program logs to `home/logs/footnote.log` from now on; gives its path. Raises OSError."""
    path = home / "logs" / "footnote.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.handlers.RotatingFileHandler(path, maxBytes=_BYTES, backupCount=_OLD_FILES, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        for old in list(logger.handlers):
            logger.removeHandler(old)
            old.close()
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    return path
