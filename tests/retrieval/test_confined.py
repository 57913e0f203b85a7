"""The process that reads files: what it dies of is an error of one file, and nothing of it stays behind."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pypdf
import pytest

from retrieval import confined
from retrieval.confined import Reader
from retrieval.errors import Cancelled, DocumentError, LibraryError
from retrieval.limits import Limits

HTML = "text/html"
LONG = b"<p>hello <b>world</b></p>" * 400_000
ROOT = str(Path(confined.__file__).resolve().parent.parent)


@pytest.fixture
def reader():
    reader = Reader()
    yield reader
    reader.close()


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_process_reads_one_file_after_another(reader):
    assert reader.pid is None
    assert reader.read(b"<h1>One</h1>", HTML, "a.html", Limits()).text == "One"
    pid = reader.pid
    assert reader.read(b"<h1>Two</h1>", HTML, "a.html", Limits()).text == "Two"
    assert reader.pid == pid
    reader.close()
    assert not is_there(pid)


def test_time_is_kept_by_killing(reader):
    reader.read(b"<p>x", HTML, "a.html", Limits())
    pid = reader.pid
    with pytest.raises(DocumentError, match=r"a\.html takes longer than 0\.2 seconds to read; split it"):
        reader.read(LONG, HTML, "a.html", Limits(max_seconds=0.2))
    assert not is_there(pid)
    assert reader.read(b"<p>still here", HTML, "a.html", Limits()).text == "still here"


def test_a_panic_of_native_code_does_not_spoil_the_next_file(reader, write):
    good = write.pdf(["A page."])
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(good))
    writer.add_metadata({"/CreationDate": "LO\N{HORIZONTAL ELLIPSIS}abcdef"})  # cut at a byte inside a character
    bad = io.BytesIO()
    writer.write(bad)
    for _ in range(2):
        with pytest.raises(DocumentError, match=r"bad\.pdf is damaged"):
            reader.read(bad.getvalue(), "application/pdf", "bad.pdf", Limits())
        assert reader.read(good, "application/pdf", "good.pdf", Limits()).text == "A page."


def test_cancelling_ends_the_work(reader):
    reader.read(b"<p>x", HTML, "a.html", Limits())
    pid = reader.pid
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    with pytest.raises(Cancelled):
        reader.read(LONG, HTML, "a.html", Limits(), cancel=cancel)
    assert not is_there(pid)


def test_cancelling_ends_the_wait_for_another_file(reader):
    cancel, begun = threading.Event(), threading.Event()
    other = threading.Event()

    def occupy():
        begun.set()
        with pytest.raises(Cancelled):
            reader.read(LONG, HTML, "a.html", Limits(), cancel=other)

    thread = threading.Thread(target=occupy)
    thread.start()
    begun.wait()
    while reader.pid is None:
        time.sleep(0.01)
    cancel.set()
    with pytest.raises(Cancelled):
        reader.read(b"<p>x", HTML, "b.html", Limits(), cancel=cancel)
    other.set()
    thread.join()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_memory_is_limited_also_in_native_code(reader):
    limits = Limits(max_memory_bytes=100_000_000, max_characters=100_000_000)
    words = b"words " * 10_000_000
    for data, kind in ((b"<pre>" + words, HTML), (b'["' + words + b'"]', "application/json")):
        assert reader.read(data[:2_000_000] + data[-2:], kind, "a.x", limits).text
        with pytest.raises(
            DocumentError, match=r"a\.x cannot be read: it is damaged, or needs more than 100 MB of memory"
        ):
            reader.read(data, kind, "a.x", limits)
    assert reader.read(b"<p>x", HTML, "a.html", limits).text == "x"


def test_a_crash_is_an_error_of_the_file(tmp_path):
    (tmp_path / "crashing.py").write_text(
        "import os\n"
        "from retrieval import formats, reader\n"
        "def crash(data, *_):\n"
        "    open(os.environ['CRASHES'], 'a').write('x')\n"
        "    os.abort()\n"
        "def main():\n"
        "    formats.read = crash\n"
        "    reader.main()\n"
    )
    crashes = tmp_path / "crashes"
    os.environ["CRASHES"] = str(crashes)
    reader = Reader("crashing", (str(tmp_path),))
    try:
        for count in (1, 2):
            with pytest.raises(DocumentError, match=r"a\.pdf cannot be read: it is damaged, or needs more than"):
                reader.read(b"x", "application/pdf", "a.pdf", Limits())
            assert len(crashes.read_text()) == count
    finally:
        del os.environ["CRASHES"]
        reader.close()


def test_a_process_that_died_of_something_else_is_replaced(reader):
    reader.read(b"<p>x", HTML, "a.html", Limits())
    os.kill(reader.pid, signal.SIGKILL)
    assert reader.read(b"<p>again", HTML, "a.html", Limits()).text == "again"
    threading.Timer(0.1, lambda: os.kill(reader.pid, signal.SIGKILL)).start()
    assert reader.read(LONG[:500_000], HTML, "a.html", Limits()).text.startswith("hello world")


def test_a_fault_of_the_code_that_reads_is_told_with_its_name(tmp_path):
    (tmp_path / "faulty.py").write_text(
        "from retrieval import formats, reader\n"
        "def main():\n"
        "    formats.read = lambda *_: {}['missing']\n"
        "    reader.main()\n"
    )
    reader = Reader("faulty", (str(tmp_path),))
    try:
        with pytest.raises(DocumentError, match=r"a\.pdf cannot be read, by a fault of this program \(KeyError"):
            reader.read(b"x", "application/pdf", "a.pdf", Limits())
    finally:
        reader.close()


def test_a_process_that_does_not_start_is_no_fault_of_the_file():
    with pytest.raises(LibraryError, match="does not start") as caught:
        Reader("no_such_module").read(b"<p>x", HTML, "a.html", Limits())
    assert not isinstance(caught.value, DocumentError)


def test_no_room_for_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(LibraryError, match=r"cannot be started \(No such file or directory\); free some memory"):
        Reader().read(b"<p>x", HTML, "a.html", Limits())


def test_threads_share_it(reader):
    texts = {}

    def read(number):
        texts[number] = reader.read(b"<p>%d" % number, HTML, "a.html", Limits()).text

    threads = [threading.Thread(target=read, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == {number: str(number) for number in range(8)}


PROGRAM = """
import sys, time
sys.path.insert(0, {root!r})
from pathlib import Path
from retrieval.confined import shared
from retrieval.extract import Limits, extract_data
def read(data):
    return extract_data(data, Path("a.html"), Limits()).text
assert read(b"<p>x") == "x"
print(shared().pid, flush=True)
{rest}
"""


@pytest.fixture
def run(tmp_path):
    """Starts the program above; afterwards nothing may be left in its folder for temporary files."""

    def start(rest):
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM.format(root=ROOT, rest=rest)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )

    yield start
    assert list(tmp_path.iterdir()) == []


def gone(pid):
    for _ in range(100):
        if not is_there(pid):
            return True
        time.sleep(0.05)
    return False


def test_it_ends_with_the_interpreter(run):
    with run("") as program:
        pid = int(program.stdout.readline())
        assert program.wait(30) == 0
        assert program.stderr.read() == ""
    assert gone(pid)


def test_ctrl_c_while_reading_ends_it(run):
    with run("print('reading', flush=True); read(b'<p>hello <b>world</b></p>' * 1_000_000)") as program:
        pid = int(program.stdout.readline())
        program.stdout.readline()
        time.sleep(0.3)
        program.send_signal(signal.SIGINT)
        assert program.wait(30) != 0
        assert "KeyboardInterrupt" in program.stderr.read()
    assert gone(pid)


def test_it_ends_when_its_parent_is_killed_while_it_works(run):
    with run("print('reading', flush=True); read(b'<p>hello <b>world</b></p>' * 1_000_000)") as program:
        pid = int(program.stdout.readline())
        program.stdout.readline()
        time.sleep(0.3)
        program.kill()
    assert gone(pid)
