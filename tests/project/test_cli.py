"""The command line as its user meets it: exit codes, one JSON object on stdout, one clear line on stderr."""

import json
import shutil
import socket
import subprocess
import sys
import zipfile

import pytest

from retrieval.embed import bundled_folder

NOTES = "The Skerryvore lighthouse was lit in 1844. Its builder was Alan Stevenson."


@pytest.fixture
def run(footnote):
    """Run `footnote ARGS`; gives (exit code, stdout, stderr)."""
    return footnote


@pytest.fixture
def notes(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text(NOTES)
    return path


def test_ingest_list_search_ask_remove(run, notes, tiny_checkpoint):
    code, out, _ = run("ingest", notes, "--json")
    assert code == 0
    (report,) = json.loads(out)["reports"]
    assert (report["document"], report["state"], report["passages"]) == ("notes.txt", "ready", 1)

    _, out, _ = run("list", "--json")
    assert [document["name"] for document in json.loads(out)["documents"]] == ["notes.txt"]

    _, out, _ = run("search", "who built the lighthouse", "-k", 1, "--json")
    assert json.loads(out)["hits"][0]["passage"] == NOTES

    code, out, _ = run("ask", "When was the Skerryvore lighthouse lit?", "--model", tiny_checkpoint, "--json")
    assert code == 0
    assert "1844" in json.loads(out)["answer"]

    _, out, _ = run("ask", "When was the Skerryvore lighthouse lit?", "--model", tiny_checkpoint)
    assert "lit in 1844. [1]" in out
    assert "[1] notes.txt" in out

    assert run("remove", "notes.txt", "--json")[0] == 0
    assert json.loads(run("list", "--json")[1])["documents"] == []


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("ask", "Who?"), "no documents"),
        (("ask", ""), "empty"),
        (("ask", "x" * 100_000), "100,000 characters"),
        (("ask", "Who?", "--collection", "other"), "other"),
        (("remove", "nothing.txt"), "nothing.txt"),
        (("search", " "), "empty"),
        (("finetune", "none.toml"), "none.toml"),
        (("list", "--home", "/dev/null/x"), "--home"),
        (("no-such-command",), "no-such-command"),
        (("ingest",), "paths"),
        (("ask", "Who?", "--bogus"), "--bogus"),
        ((), "command"),
        (("list", "--home", "~no-such-person/x"), "--home"),
    ],
)
def test_bad_use_is_one_clear_line_and_exit_2(run, args, named):
    code, out, err = run(*args)
    assert code == 2
    assert out == ""
    assert named in err
    assert len(err.splitlines()) == 1, err


def test_a_failed_file_is_reported_and_the_others_stay(run, notes, tmp_path):
    (tmp_path / "empty.txt").write_bytes(b"")
    code, out, _ = run("ingest", tmp_path / "empty.txt", notes, "--json")
    assert code == 2
    states = {report["document"]: (report["state"], report["reason"]) for report in json.loads(out)["reports"]}
    assert states["notes.txt"][0] == "ready"
    assert states["empty.txt"][0] == "failed"
    assert "empty" in states["empty.txt"][1]
    assert len(json.loads(run("list", "--json")[1])["documents"]) == 1


@pytest.fixture
def library(tmp_path):
    """The library of the home, as a server would have it open."""
    from retrieval.library import Library

    with Library.open(tmp_path / "home" / "library") as library:
        yield library


def test_uploads_are_listed_with_their_states_and_can_be_removed(run, library):
    library.submit(bytes(range(256)), "noise.bin")
    library.worker.run_until_idle()
    waiting = library.submit(b"Text.", "notes.txt", "other")
    _, out, _ = run("list")
    failed, queued = out.splitlines()
    assert "failed  noise.bin: noise.bin is neither a known kind of document" in failed
    assert queued == f"{waiting.id}  other  queued  notes.txt"
    listed = json.loads(run("list", "--json")[1])
    assert listed["documents"] == []
    assert [(job["name"], job["state"]) for job in listed["jobs"]] == [("noise.bin", "failed"), ("notes.txt", "queued")]
    assert json.loads(run("list", "--json", "--collection", "other")[1])["jobs"][0]["id"] == waiting.id
    assert run("remove", "noise.bin")[:2] == (0, "removed noise.bin (failed upload)\n")
    assert run("remove", waiting.id)[:2] == (0, "removed notes.txt (queued upload)\n")
    assert run("list")[1] == "no documents; add some with `footnote ingest FILE`\n"


def test_documents_move_between_collections(run, notes):
    assert run("collections")[1] == "no documents; add some with `footnote ingest FILE`\n"
    run("ingest", notes)
    assert run("move", "notes.txt", "--to", "sea")[:2] == (0, "moved notes.txt to sea\n")
    assert json.loads(run("search", "lighthouse", "--collection", "sea", "--json")[1])["hits"][0]["passage"] == NOTES
    assert json.loads(run("search", "lighthouse", "--json")[1])["hits"] == []
    assert run("collections")[1] == "      1 document   sea\n"
    assert json.loads(run("collections", "--json")[1]) == {"collections": [{"name": "sea", "documents": 1}]}
    code, out, err = run("move", "notes.tx", "--to", "sea")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "did you mean notes.txt?" in err


def test_other_names_that_move_along_are_told(run, notes):
    run("ingest", notes)
    notes.with_name("copy.txt").write_text(NOTES)
    run("ingest", notes.with_name("copy.txt"))
    assert run("move", "notes.txt", "--to", "sea")[1] == "moved notes.txt, given as copy.txt too, to sea\n"


def test_an_archive_is_removed_with_all_that_came_from_it(run, tmp_path):
    with zipfile.ZipFile(tmp_path / "pk.zip", "w") as archive:
        archive.writestr("a.txt", "The heron eats frogs.")
        archive.writestr("b.txt", "The stork eats fish.")
    run("ingest", tmp_path / "pk.zip")
    assert run("remove", "pk.zip")[:2] == (0, "removed pk.zip: the 2 documents that came from it\n")
    code, _, err = run("remove", "pk.zip")
    assert (code, err) == (2, "footnote: there is no document called pk.zip; list the documents to see their names.\n")


def test_a_password_opens_an_encrypted_file(run, tmp_path):
    from fpdf import FPDF

    pdf = FPDF()
    pdf.set_encryption("owner", user_password="key")
    pdf.add_page()
    pdf.set_font("helvetica", size=12)
    pdf.cell(text="The lamp was lit in 1844.")
    pdf.output(str(tmp_path / "locked.pdf"))
    code, out, _ = run("ingest", tmp_path / "locked.pdf")
    assert (code, out.split()[0]) == (2, "failed")
    code, out, _ = run("ingest", tmp_path / "locked.pdf", "--password", "key")
    assert (code, out) == (0, "ready    locked.pdf: 1 passage\n")


def test_a_model_that_cannot_be_loaded(run, notes, tmp_path):
    run("ingest", notes)
    (tmp_path / "broken").mkdir()
    code, _, err = run("ask", "Who?", "--model", tmp_path / "broken")
    assert code == 2
    assert "broken" in err


def test_truncated_weights_are_named(run, notes, tmp_path, tiny_checkpoint):
    run("ingest", notes)
    shutil.copytree(tiny_checkpoint, tmp_path / "cut")
    weights = tmp_path / "cut" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    code, _, err = run("ask", "Who?", "--model", tmp_path / "cut")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "FAILED model" in run("doctor", "--model", tmp_path / "cut", "--port", 17861)[1]


def test_a_search_is_narrowed_to_documents_kinds_and_days(run, notes, tmp_path):
    (tmp_path / "page.html").write_text("<p>The lighthouse has a page of its own.</p>")
    run("ingest", notes, tmp_path / "page.html")

    def found(*options):
        code, out, err = run("search", "lighthouse", "--json", *options)
        return sorted(hit["document"] for hit in json.loads(out)["hits"]) if code == 0 else (code, err)

    assert found() == found("--diversity", 0.5) == ["notes.txt", "page.html"]
    assert found("--document", "notes.txt") == found("--type", "text/plain") == ["notes.txt"]
    assert found("--type", "text/*", "--from", "2020-01-01", "--to", "2999-12-31") == ["notes.txt", "page.html"]
    assert found("--to", "2020-01-01") == []
    code, err = found("--from", "2021-01-01", "--to", "2020-01-01")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "no day is from 2021-01-01 on and up to 2020-01-01" in err
    hit = json.loads(run("search", "lighthouse", "--json", "--document", "page.html")[1])["hits"][0]
    (document,) = (each for each in json.loads(run("list", "--json")[1])["documents"] if each["name"] == "page.html")
    assert (hit["document_id"], hit["start"], hit["end"], hit["duplicates"]) == (document["id"], 0, 37, [])
    for options, named in (
        (("--document", "nope.txt"), "nope.txt"),
        (("--from", "yesterday"), "yesterday"),
        (("--collection", "nope"), "no collection called nope"),
    ):
        code, err = found(*options)
        assert code == 2
        assert named in err


def test_another_embedding_model_asks_for_a_reindex(run, notes, monkeypatch):
    run("ingest", notes)
    monkeypatch.setenv("FOOTNOTE_EMBEDDING", str(bundled_folder()))
    code, _, err = run("search", "builder")
    assert (code, len(err.splitlines())) == (2, 1)
    assert "footnote reindex" in err
    assert run("reindex")[0] == 0
    assert json.loads(run("search", "builder", "--json")[1])["hits"][0]["document"] == "notes.txt"
    monkeypatch.setenv("FOOTNOTE_RERANKER", "no-such-model")
    code, _, err = run("search", "builder")
    assert code == 2
    assert "the reranker no-such-model cannot be loaded" in err


def test_reindexing_keeps_the_library(run, notes):
    run("ingest", notes)
    assert run("reindex")[0] == 0
    assert json.loads(run("search", "builder", "--json")[1])["hits"][0]["document"] == "notes.txt"


def test_doctor_names_a_port_in_use(run, tiny_checkpoint):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, out, _ = run("doctor", "--model", tiny_checkpoint, "--port", taken.getsockname()[1])
    assert code == 1
    assert "FAILED port" in out


def test_doctor_names_values_sources_and_fixes(run, tmp_path, tiny_checkpoint, monkeypatch):
    monkeypatch.setenv("FOOTNOTE_PASSAGES", "5")
    code, out, _ = run("doctor", "--model", tiny_checkpoint, "--port", 17861, "--json")
    found = json.loads(out)
    assert found["settings"]["passages"] == {"value": 5, "source": "environment"}
    assert found["settings"]["model"]["source"] == "flag"
    assert [check["name"] for check in found["checks"]] == ["disk", "library", "embeddings", "model", "port"]
    assert code == 0, found

    code, out, _ = run("doctor", "--model", tmp_path, "--port", 17861)
    assert code == 1
    assert "FAILED model" in out
    assert "fix: " in out


def test_a_fault_of_ours_is_one_line_with_its_trace_in_the_log(run, monkeypatch, tmp_path):
    monkeypatch.setattr("assistant.cli.open_home", lambda *_, **__: 1 / 0)
    code, _, err = run("list", "--home", tmp_path / "other")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "ZeroDivisionError" in (tmp_path / "other" / "logs" / "footnote.log").read_text()


def test_the_installed_command_runs():
    shown = subprocess.run([sys.executable, "-m", "app.main", "--help"], capture_output=True, text=True, check=True)
    for command in ("serve", "ingest", "list", "remove", "search", "ask", "doctor", "finetune"):
        assert command in shown.stdout


def test_an_interrupt_is_told_in_a_word(run, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("assistant.cli.open_home", interrupted)
    assert run("list") == (130, "", "footnote: stopped\n")


def test_the_models_of_the_home_are_listed(run):
    code, out, _ = run("models", "list", "--json")
    listed = json.loads(out)
    assert (code, listed["in_use"]) == (0, "bundled")
    assert [model["name"] for model in listed["models"]] == ["bundled"]


def test_a_bench_reports_the_machine_and_both_sides(run, tiny_checkpoint):
    command = (
        "bench",
        "finetune",
        "--base",
        tiny_checkpoint,
        "--seconds",
        0.2,
        "--rounds",
        1,
        "--window",
        256,
        "--json",
    )
    code, out, _ = run(*command)
    report = json.loads(out)
    assert code == 0
    assert {"processor", "cores", "torch"} <= report["machine"].keys()
    assert [result["name"] for result in report["results"]] == ["packed", "padded"]
    assert all(result["total_tokens_per_s"] > 0 for result in report["results"])
