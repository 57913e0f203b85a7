"""A library that costs nothing, a server of the real program over a tiny real model, and pages of a real Chromium."""

import runpy
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from app.shelf import Shelf
from assistant.engine.pool import Engines
from assistant.pipeline import Assistant
from assistant.records import open_records
from retrieval.library import Library
from retrieval.limits import Limits

TinyEmbedder = runpy.run_path(str(Path(__file__).parents[1] / "retrieval" / "tiny.py"))["TinyEmbedder"]

_SETTLE_MS = 700
_START_SECONDS = 150
_ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run"
).split()
# Keeps every state that an answer passes through, however short.
_RECORDER = """
window.states = [];
new MutationObserver(() => {
  for (const shown of document.querySelectorAll('.fn-draft'))
    if (window.states.at(-1) !== shown.innerText) window.states.push(shown.innerText);
}).observe(document, { subtree: true, childList: true, characterData: true });
"""


@dataclass
class Watched:
    """A browser page with what it asked for and complained of."""

    page: object
    hosts: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def chat_checkpoint(tmp_path_factory, tiny_tokenizer) -> Path:
    """A random GPT-2 of two layers with a window wide enough for a prompt with sources."""
    import torch

    from finetune.base import new_model
    from finetune.config import ModelShape

    torch.manual_seed(0)
    shape = ModelShape(layers=2, width=32, heads=2, positions=1024, vocabulary=400)
    folder = tmp_path_factory.mktemp("checkpoint") / "chat"
    new_model(shape, tiny_tokenizer).save_pretrained(folder)
    tiny_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def served(tmp_path_factory, chat_checkpoint):
    """The address of a running server with an empty home; its output is shown where it does not start."""
    home = tmp_path_factory.mktemp("home")
    address = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-c", "from app.main import main; main()", "serve"]
    options = ["--home", home, "--model", chat_checkpoint, "--port", address.rpartition(":")[2]]
    log = home / "out.txt"
    with log.open("w") as out, subprocess.Popen([*command, *options], stdout=out, stderr=out) as server:
        try:
            wait_until_up(address, server, log)
            yield address
        finally:
            server.terminate()
            server.wait(20)


@pytest.fixture
def library(tmp_path):
    """A library that costs nothing, with no worker until a test runs it."""
    with Library.open(tmp_path / "library", TinyEmbedder(), Limits(max_bytes=100_000)) as library:
        yield library


@pytest.fixture
def records(tmp_path):
    """Records of evaluation, with nothing in them."""
    with closing(open_records(tmp_path)) as records:
        yield records


@pytest.fixture
def shelf(library, tmp_path):
    """The handlers of the documents over it."""
    return Shelf(Assistant(library, "tiny", Engines(tmp_path), passages=8))


@pytest.fixture
def locked(tmp_path):
    """An encrypted PDF that the word xylophone opens."""
    from fpdf import FPDF

    pdf = FPDF()
    pdf.set_encryption("owner", user_password="xylophone")
    pdf.add_page()
    pdf.set_font("helvetica", size=12)
    pdf.cell(text="A secret.")
    path = tmp_path / "locked.pdf"
    pdf.output(path)
    return path


@pytest.fixture(scope="session")
def browser(chromium):
    """One Chromium for all tests."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, served):
    """A function that opens the page in a context of its own; what it asked for and complained of is checked after."""
    contexts, pages = [], []

    def open_one(**options) -> Watched:
        contexts.append(browser.new_context(**options))
        pages.append(watch(contexts[-1].new_page()))
        pages[-1].page.goto(served)
        pages[-1].page.locator(".fn-documents, #fn-documents .fn-status").first.wait_for()
        pages[-1].page.wait_for_timeout(_SETTLE_MS)  # the conversation of before is put back beside the listing
        return pages[-1]

    yield open_one
    complaints = [error for watched in pages for error in watched.errors]  # before they are left, see `watch`
    for context in contexts:
        context.close()
    assert complaints == []
    for watched in pages:
        assert watched.hosts <= {served.removeprefix("http://")}


def watch(page) -> Watched:
    """`page` with its hosts and errors recorded."""
    watched = Watched(page)
    page.set_default_timeout(60_000)
    page.add_init_script(_RECORDER)
    page.on("request", lambda request: watched.hosts.update(host_of(request.url)))
    page.on("pageerror", lambda error: watched.errors.append(str(error)))
    page.on("console", lambda message: watched.errors.append(message.text) if message.type == "error" else None)
    reload = page.reload

    def leave_and_return():
        """What the page says while it is left is of Gradio's stream, which the browser cuts: it is no error."""
        errors = list(watched.errors)
        reload(wait_until="commit")
        watched.errors[:] = errors
        page.wait_for_load_state()

    page.reload = leave_and_return
    return watched


def host_of(url: str) -> set[str]:
    """The host and port of a web address; nothing for data in the address itself."""
    scheme, _, rest = url.partition("://")
    return {rest.partition("/")[0]} if scheme in {"http", "https", "ws", "wss"} else set()


def free_port() -> int:
    """A port that nothing listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_until_up(address: str, server: subprocess.Popen, log: Path) -> None:
    """Return when the server answers."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=5).close()  # noqa: S310
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"the server did not start:\n{log.read_text()}")
