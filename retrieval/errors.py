"""The library's errors. Their messages name the file or setting at fault and what to do, and may be shown as they are.

LibraryError            anything below
  DocumentError         one file cannot be read; `reason` is one sentence for its row in the report
    PasswordNeeded      it is encrypted, and no password or a wrong one was given
    Panicked            native code fell over it
  LibraryDamaged        the folder of the library cannot be opened
  Occupied              another program does what may be done by one at a time
  Cancelled             a person stopped what was being done; nothing of it is left
"""

from pathlib import Path


class LibraryError(Exception):
    """Base of what the library raises for its callers to show."""


class DocumentError(LibraryError):
    """A file that cannot become a document: unreadable, empty, encrypted, too large, without text."""


class PasswordNeeded(DocumentError):  # noqa: N818 - says what is the case
    """An encrypted file that its password, which was not given, would open."""


class Panicked(DocumentError):  # noqa: N818
    """A file over which native code fell, and may have left what the next file needs in disorder."""


class LibraryDamaged(LibraryError):  # noqa: N818 - says what is the case
    """The library's files disagree or cannot be opened; the message says how to repair them."""


class Cancelled(LibraryError):  # noqa: N818 - says what is the case
    """What was being done was stopped on request."""


class Occupied(LibraryError):  # noqa: N818 - says what is the case
    """Another program, `process`, works on the uploads of the library in `folder`."""

    def __init__(self, process: str, folder: Path):
        self.process = process
        super().__init__(
            f"another program (process {process}) already works on the uploads of {folder}; "
            "leave them to it, or stop it first."
        )
