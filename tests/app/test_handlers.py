"""The handlers of the page over a real library, without a browser."""

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.asking import Asking
from app.conversation import Session
from app.shelf import Shelf, _safe_name, _under_own_names
from assistant.engine.sampling import Sampling
from assistant.pipeline import Assistant

SETTINGS = (True, 0.0, 0, 1.0, 0.0, 0.0, 60, "")


@pytest.fixture
def assistant(tmp_path, chat_checkpoint):
    with Assistant.open(tmp_path / "home", model=str(chat_checkpoint)) as assistant:
        yield assistant


def uploaded(folder: Path, name: str, text: str, original: str | None = None) -> dict:
    path = folder / name
    path.write_text(text)
    return {"path": str(path), "orig_name": original}


def test_a_question_that_is_refused_comes_back_with_the_reason(assistant):
    *_, (session, messages, box, notice, _) = Asking(assistant).ask(Session(), "x" * 100_000, *SETTINGS)
    assert session == Session()
    assert messages == []
    assert box["value"] == "x" * 100_000
    assert "100,000 characters" in notice


@pytest.mark.parametrize(
    ("position", "value", "said"), [(1, 9, "temperature"), (3, 0, "top_p"), (7, "-1", "seed"), (7, "x", "seed")]
)
def test_sampling_out_of_range_is_named(assistant, position, value, said):
    sampling = [*SETTINGS[:position], value, *SETTINGS[position + 1 :]]
    *_, (_, _, box, notice, _) = Asking(assistant).ask(Session(), "Why?", *sampling)
    assert said in notice
    assert box["value"] == "Why?"


def test_the_controls_stand_in_the_order_of_the_settings():
    from dataclasses import fields

    names = [item.name for item in fields(Sampling)]
    expected = ["temperature", "top_k", "top_p", "frequency_penalty", "presence_penalty", "max_tokens", "seed"]
    assert names[: len(SETTINGS) - 1] == expected


def test_a_stop_ends_the_answer_and_what_there_is_is_checked(assistant, tmp_path):
    Shelf(assistant).add([uploaded(tmp_path, "otter.txt", "The otter eats fish. The beaver eats bark.")], print_nothing)
    asking = Asking(assistant)
    views = asking.ask(Session(), "What does the otter eat?", *SETTINGS)
    session = next(views)[0]
    asking.stop(session)
    *_, (session, _, _, _, saved) = views
    assert session.stop is None
    assert session.turns[0].answer is not None
    assert session.turns[0].answer.usage.completion_tokens <= 1
    assert len(saved) == 1


def test_chat_without_documents_supports_nothing(assistant):
    views = list(Asking(assistant).ask(Session(), "Hello", False, *SETTINGS[1:]))
    (turn,) = views[-1][0].turns
    assert turn.answer.citations == ()
    assert {sentence.verdict for sentence in turn.answer.sentences} <= {"unsupported"}
    shown = [view[1] for view in views if isinstance(view[1], list)]
    assert "fn-supported" not in shown[-1][-1]["content"].value


def test_a_reader_who_leaves_ends_the_answer(assistant):
    views = Asking(assistant).ask(Session(), "Why?", *SETTINGS)
    stop = next(views)[0].stop
    views.close()
    assert stop.is_set()


def test_clear_waits_until_nothing_more_of_the_answer_comes(assistant):
    asking = Asking(assistant)
    views = asking.ask(Session(), "Why?", *SETTINGS)
    session = next(views)[0]
    cleared = []
    clearing = threading.Thread(target=lambda: cleared.append(asking.clear(session)))
    clearing.start()
    clearing.join(0.3)
    assert cleared == []
    assert session.stop.is_set()
    views.close()
    clearing.join(5)
    assert cleared[0][:2] == (Session(), [])


def test_a_second_question_waits_for_the_first(assistant):
    asking = Asking(assistant)
    first = asking.ask(Session(), "Why?", *SETTINGS)
    session = next(first)[0]
    [(unchanged, *_)] = asking.ask(session, "And why?", *SETTINGS)
    assert unchanged is session


def test_added_files_keep_their_names(assistant, tmp_path):
    file = uploaded(tmp_path, "stripped.txt", "The otter eats fish.", 'What? "Otters" <b>.txt')
    _, report, listing = Shelf(assistant).add([file], print_nothing)
    assert [document.name for document in assistant.library.documents("default")] == ['What? "Otters" <b>.txt']
    assert "ready" in report
    assert "What? &quot;Otters&quot; &lt;b&gt;.txt" in listing


def test_equal_files_in_one_upload_do_not_get_in_each_others_way(assistant, tmp_path):
    # Gradio stores equal files once: both entries are one path.
    file = uploaded(tmp_path, "same.txt", "The heron eats frogs.", "heron.txt")
    _, report, _ = Shelf(assistant).add([file, file], print_nothing)
    assert report.count("<li") == 2
    assert "fn-failed" not in report


def test_uploads_of_one_name_are_all_kept(assistant, tmp_path):
    texts = ["The otter eats fish.", "The beaver eats bark.", "The owl eats mice."]
    originals = ["caf\xe9.txt", "cafe\u0301.txt", "x/caf\xe9.txt"]
    files = [uploaded(tmp_path, f"{n}.txt", text, original) for n, (text, original) in enumerate(zip(texts, originals))]
    _, report, _ = Shelf(assistant).add(files, print_nothing)
    library = assistant.library
    kept = {document.name: library.text(document.id) for document in library.documents("default")}
    assert kept == dict(zip(["caf\xe9.txt", "caf\xe9 (2).txt", "caf\xe9 (3).txt"], texts))
    assert "Took the place" not in report
    _, report, _ = Shelf(assistant).add([uploaded(tmp_path, "new.txt", "It sleeps.", "caf\xe9.txt")], print_nothing)
    assert "Took the place of the earlier version of caf\xe9.txt." in report


def test_an_empty_file_fails_with_its_reason(assistant, tmp_path):
    _, report, listing = Shelf(assistant).add([uploaded(tmp_path, "empty.txt", "")], print_nothing)
    assert "failed" in report
    assert "0 bytes" in report
    assert "No documents yet." in listing


def test_a_failure_while_adding_leaves_no_copy_either(tmp_path):
    file = uploaded(tmp_path, "a.txt", "text", "b.txt")
    paths = []

    def fail() -> None:
        with _under_own_names([file]) as moved:
            paths.extend(moved)
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert [path.name for path in paths] == ["b.txt"]
    assert not paths[0].exists()


@given(
    st.text(max_size=300)
    | st.sampled_from(["..", ".", "", "../../etc/passwd", "C:\\temp\\x.txt", "a/b\0c.txt", "\xa1" * 101])
)
def test_a_name_never_leaves_its_folder(name):
    safe = _safe_name(name)
    assert Path("folder", safe).parent == Path("folder")
    assert safe not in {"", ".", ".."}
    assert "\0" not in safe
    assert len(safe.encode()) <= 200


def print_nothing(*_, **__) -> None:
    """Takes the progress."""
