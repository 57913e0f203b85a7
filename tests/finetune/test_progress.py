"""A sign of life, for whatever takes long, by whoever is the first of several processes."""

import io
from threading import Event
from types import SimpleNamespace

import pytest

from finetune import progress as shown
from finetune.processes import is_first
from finetune.progress import progress, say
from finetune.reading import Tally
from finetune.watch import ProgressLine


class _Output(io.StringIO):
    """A standard error that tells when something has been written to it."""

    def __init__(self):
        super().__init__()
        self.written = Event()

    def write(self, text):
        size = super().write(text)
        if text.strip():
            self.written.set()
        return size


@pytest.fixture
def output(monkeypatch):
    """What is written; lines come as soon as they may."""
    monkeypatch.setattr(shown, "SHOWN_AFTER_SECONDS", 0.0)
    found = _Output()
    # Not sys.stderr itself, which pytest sets anew before the test begins.
    monkeypatch.setattr(shown, "sys", SimpleNamespace(stderr=found))
    return found


def test_what_is_done_is_shown_with_a_count(output):
    with progress("reading a.jsonl", "rows") as counted:
        assert list(counted(iter("abc"))) == ["a", "b", "c"]
        output.written.wait()
    lines = output.getvalue().replace("\r", "\n").split("\n")
    assert lines[-2].startswith("reading a.jsonl: 3 rows [")
    assert lines[-1] == ""


def test_a_known_total_makes_it_a_share(output):
    with progress("packing", "conversations", 4) as counted:
        assert next(counted(range(4))) == 0
        output.written.wait()
    assert "packing:   0%" in output.getvalue()
    assert "0/4" in output.getvalue()


def test_one_long_call_is_shown_while_it_lasts(output):
    with progress("loading base"):
        output.written.wait()
    assert output.getvalue().startswith("\rloading base: 00:0")


def test_what_ends_in_time_is_not_shown(output, monkeypatch):
    monkeypatch.setattr(shown, "SHOWN_AFTER_SECONDS", 3600.0)
    with progress("reading", "rows") as counted:
        list(counted(range(1000)))
    assert output.getvalue() == ""


def test_an_error_closes_the_line_and_goes_on(output):
    def failing():
        output.written.wait()
        raise KeyError

    with pytest.raises(KeyError), progress("reading", "rows"):
        failing()
    assert output.getvalue().endswith("\n")


@pytest.mark.parametrize("name", ["RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK"])
def test_only_the_first_of_several_processes_shows_and_speaks(output, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert not is_first()
    with progress("reading", "rows") as counted:
        assert list(counted(range(3))) == [0, 1, 2]
    say("Hello")
    Tally().bad(ValueError("a row"))
    assert output.getvalue() == ""
    monkeypatch.setenv(name, "0")
    assert is_first()
    say("Hello")
    assert output.getvalue() == "Hello\n"


def test_a_bad_row_is_named_on_a_line_of_its_own(output):
    with progress("reading", "rows"):
        output.written.wait()
        Tally().bad(ValueError("rows.jsonl:3: not JSON"))
    assert "left out: rows.jsonl:3: not JSON" in output.getvalue().replace("\r", "\n").split("\n")


def test_a_validation_is_shown_batch_by_batch(output):
    line = ProgressLine()
    for _ in range(3):
        line.on_prediction_step(None, None, None, eval_dataloader=range(3))
    output.written.wait()
    line.on_evaluate(None, None, None)
    assert "validating: 100%" in output.getvalue()
    assert "3/3" in output.getvalue()
