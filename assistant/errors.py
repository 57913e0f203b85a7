"""Errors whose message is meant to be read by the person at the page or the command line.

    FootnoteError           anything below; the message names what is wrong and what to do
      InputError            a question, parameter, setting or file that cannot be used as given (exit code 2)
      ModelError            a checkpoint that cannot be loaded or does not fit the program (exit code 2)

`retrieval` is a library of its own and raises `retrieval.errors.LibraryError`; `SHOWN` names both, for the edges.
"""

from retrieval.errors import LibraryError


class FootnoteError(Exception):
    """Base of the errors that may be shown to a person as they stand."""


class InputError(FootnoteError):
    """Something that the person gave is out of range, malformed or missing."""


class ModelError(FootnoteError):
    """A language model that cannot be found, loaded, or spoken to in the format that it declares."""


SHOWN = (FootnoteError, LibraryError)
