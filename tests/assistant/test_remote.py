"""Servers as engines: a real one over HTTP on loopback that speaks for a tiny real model, and the bad ones."""

import asyncio
import json
import logging
import socket
import threading
import time

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, StreamingResponse

from assistant.chatml import Message
from assistant.checkpoint import load_checkpoint
from assistant.config import read_config
from assistant.engine.hub import HubEngine
from assistant.engine.pool import Engines
from assistant.engine.remote import DEFAULT_POSITIONS, RemoteEngine
from assistant.engine.reply import Reply
from assistant.engine.sampling import Sampling
from assistant.engine.server import Server, is_server, read_address
from assistant.errors import InputError, ModelError
from assistant.types import Usage
from eval.contestants import Contestant

ASKED = [Message("system", "You are Footnote."), Message("user", "Where did the cat sit? 🐈")]
KEY = "sk-a-secret-of-the-test"


@pytest.fixture(autouse=True)
def _key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture(scope="module")
def engine(tiny_checkpoint):
    return HubEngine(load_checkpoint(tiny_checkpoint))


def replied(engine, sampling=None, stop=None):
    reply = Reply()
    pieces = list(engine.stream(ASKED, sampling or Sampling(max_tokens=20), reply, stop))
    assert "".join(pieces) == reply.text
    return reply, pieces


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/v1#tiny", "#tiny"])
def test_a_server_replies_as_the_engine_behind_it(engine, serve_app, openai_app, ending):
    app = openai_app(engine, positions=256)
    address = serve_app(app)
    remote = RemoteEngine(address + ending)
    sampling = Sampling(temperature=1.2, top_p=0.9, frequency_penalty=0.5, presence_penalty=-0.5, max_tokens=20, seed=5)
    reply, pieces = replied(remote, sampling)
    assert reply == replied(engine, sampling)[0], "text, and the server's own usage"
    assert len(pieces) > 3
    assert (remote.name, remote.checkpoint) == (f"{address}/v1#tiny",) * 2
    assert remote.positions == 256
    assert app.state.keys == [f"Bearer {KEY}"]


def test_what_is_sent(engine, serve_app, openai_app):
    app = openai_app(engine)
    remote = RemoteEngine(serve_app(app) + "#other")
    replied(remote, Sampling(max_tokens=3))
    replied(remote, Sampling(max_tokens=3, top_k=4, seed=2, stop=("\n\n",)))
    plain, full = app.state.asked
    assert plain == {
        "model": "other",
        "messages": [{"role": "system", "content": "You are Footnote."}, {"role": "user", "content": ASKED[1].content}],
        **{"temperature": 0, "top_p": 1, "frequency_penalty": 0, "presence_penalty": 0, "max_tokens": 3},
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert full == {**plain, "top_k": 4, "seed": 2, "stop": ["\n\n"]}


def test_what_the_server_does_not_tell_is_estimated(engine, serve_app, openai_app, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    app = openai_app(engine, usage=False)
    remote = RemoteEngine(serve_app(app))
    assert remote.positions == DEFAULT_POSITIONS
    reply, pieces = replied(remote)
    assert reply.usage == Usage(remote.length(ASKED), len(pieces))
    assert remote.length(ASKED) == -(-sum(len(each.content.encode()) for each in ASKED) // 2) + 24
    assert remote.length(ASKED) >= engine.length(ASKED) / 2, "a tokenizer of 400 tokens takes more than real ones"
    assert app.state.keys == ["Bearer none"]


@pytest.mark.parametrize("leave", ["stop", "close"])
def test_who_stops_leaves_at_once_and_the_server_notices(engine, serve_app, openai_app, leave):
    class Slow:
        def stream(self, *_):
            yield "It sat"
            time.sleep(3)
            yield " there."

    app = openai_app(Slow())
    remote, stop, reply = RemoteEngine(serve_app(app)), threading.Event(), Reply()
    stream = remote.stream(ASKED, Sampling(), reply, stop)
    assert next(stream) == "It sat"
    began = time.perf_counter()
    if leave == "stop":
        stop.set()
        assert list(stream) == []
    else:
        stream.close()
    assert time.perf_counter() - began < 1
    assert reply.text == "It sat"
    assert app.state.left.wait(10)


def test_stopped_before_the_first_word(serve_app, openai_app):
    class Silent:
        def stream(self, *_):
            time.sleep(2)
            yield "late"

    remote, stop = RemoteEngine(serve_app(openai_app(Silent()))), threading.Event()
    threading.Timer(0.2, stop.set).start()
    began = time.perf_counter()
    assert replied(remote, stop=stop)[1] == []
    assert time.perf_counter() - began < 1.5


def test_two_replies_of_a_server_at_once(engine, serve_app, openai_app):
    remote = RemoteEngine(serve_app(openai_app(engine)))
    expected = replied(remote)[0]
    streams = [remote.stream(ASKED, Sampling(max_tokens=20), Reply()) for _ in range(2)]
    assert ["".join(pieces) for pieces in zip(*zip(*streams))] == [expected.text] * 2


CHUNK = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m"}
WORD = {**CHUNK, "choices": [{"index": 0, "delta": {"content": "It"}, "finish_reason": None}]}


def listed(status=200, content=None):
    some = {"object": "list", "data": [{"id": "m", "object": "model"}]}
    return lambda: JSONResponse(some if content is None else content, status)


def events(*lines, then=None):
    def body():
        yield from (f"data: {line if isinstance(line, str) else json.dumps(line)}\n\n" for line in lines)
        if then:
            then()

    return lambda: StreamingResponse(body(), media_type="text/event-stream")


def bad(models=None, chat=None):
    app = FastAPI()
    app.get("/v1/models")(models or listed())
    app.post("/v1/chat/completions")(chat or events(WORD))
    return app


def told(address, patience=5.0):
    """The one line that the engine says at `address`."""
    with pytest.raises(ModelError) as fault:
        replied(RemoteEngine(address, patience))
    line = str(fault.value)
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    assert KEY not in line
    assert fault.value.__cause__ is None
    assert fault.value.__context__ is None, "whose words could hold the key"
    return line


def fail():
    raise OSError("the server is gone")


ERROR = {"error": {"message": f"You gave {KEY}.\nIt is wrong.", "code": "bad"}}
HTML = "<!doctype html><title>A page</title>"


@pytest.mark.parametrize(
    ("app", "named"),
    [
        (bad(listed(401, ERROR)), "refuses the key (401): You gave …. It is wrong; set OPENAI_API_KEY"),
        (bad(listed(403, ERROR)), "refuses the key (403)"),
        (bad(listed(404)), "answers 404; check the address, which often ends in /v1"),
        (bad(listed(500, {"detail": "Oh."})), "failed (500): Oh; see its own log"),
        (bad(listed(429, ERROR)), "refuses the request (429)"),
        (bad(lambda: HTMLResponse(HTML)), "does not answer as an OpenAI-compatible server"),
        (bad(lambda: PlainTextResponse(b"\xff\x00")), "does not answer as an OpenAI-compatible server"),
        (bad(listed(content={"data": "m"})), "does not answer as an OpenAI-compatible server"),
        (bad(listed(content={"data": [{"id": ""}]})), "does not answer as an OpenAI-compatible server"),
        (bad(listed(content=[])), "does not answer as an OpenAI-compatible server"),
        (bad(listed(content={"data": []})), "lists no model; load one there, or name it: …/v1#MODEL"),
        (bad(chat=listed(401, ERROR)), "refuses the key (401)"),
        (bad(chat=listed(404, ERROR)), "answers 404: You gave …. It is wrong; check the address"),
        (bad(chat=listed(400, ERROR)), "refuses the request (400): You gave …. It is wrong"),
        (bad(chat=listed(500, ERROR)), "failed (500): You gave …"),
        (bad(chat=lambda: HTMLResponse(HTML)), "does not answer as an OpenAI-compatible server"),
        (bad(chat=listed()), "does not answer as an OpenAI-compatible server"),
        (bad(chat=events(WORD, "{not JSON")), "does not answer as an OpenAI-compatible server"),
        (bad(chat=events(WORD, 5)), "does not answer as an OpenAI-compatible server"),
        (bad(chat=events(WORD, [])), "does not answer as an OpenAI-compatible server"),
        (bad(chat=events({"choices": [{"delta": {"content": 5}}]})), "does not answer as an OpenAI-compatible server"),
        (bad(chat=events({"choices": [{}]})), "does not answer as an OpenAI-compatible server"),
        (bad(chat=events("[DONE]")), "does not answer as an OpenAI-compatible server"),
        (bad(chat=events(WORD)), "the connection broke in the middle of a reply"),
        (bad(chat=events(WORD, "[DONE]")), "the connection broke in the middle of a reply"),
        (bad(chat=events(WORD, then=fail)), "the connection broke in the middle of a reply"),
        (bad(chat=events(WORD, ERROR)), "broke the reply off: You gave …. It is wrong"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bad_server_is_told_in_one_line_without_the_key(serve_app, app, named):
    address = serve_app(app)
    assert told(address).startswith(f"{address}/v1: {named}")


def test_a_server_that_is_not_there():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    assert told(address).startswith(f"{address}/v1: cannot be reached (")
    assert "name another with --model" in told(address)
    assert "cannot be reached" in told("http://no-such-host.invalid:1")


def test_a_server_that_takes_too_long(serve_app):
    async def late():
        await asyncio.sleep(1)

    assert "did not answer within 0.3 s" in told(serve_app(bad(models=late)), 0.3)
    assert "did not answer within 0.3 s" in told(serve_app(bad(chat=events(WORD, then=lambda: time.sleep(1)))), 0.3)


def test_a_socket_that_speaks_no_http():
    def answer(listener):
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=[listener], daemon=True)
        thread.start()
        assert "cannot be reached (" in told(f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()


def test_a_named_model_needs_no_list(engine, serve_app):
    end = {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    address = serve_app(bad(listed(404), events(WORD, end)))
    remote = RemoteEngine(f"{address}#m")
    assert replied(remote)[0].text == "It"
    assert remote.positions == DEFAULT_POSITIONS


def test_a_key_that_cannot_be_sent(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-ключ")
    with pytest.raises(ModelError, match="OPENAI_API_KEY: holds characters") as fault:
        RemoteEngine("http://127.0.0.1:9")
    assert "ключ" not in str(fault.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("http://localhost:8000", Server("http://localhost:8000/v1", "")),
        ("HTTP://localhost:8000/", Server("http://localhost:8000/v1", "")),
        ("https://x.org/v1beta/openai/#a/b", Server("https://x.org/v1beta/openai", "a/b")),
        ("http://[::1]:80/v1#a%20b", Server("http://[::1]:80/v1", "a b")),
    ],
)
def test_addresses(name, expected):
    assert is_server(name)
    assert read_address(name) == expected


@pytest.mark.parametrize(
    "name",
    [
        "http://",
        "http://:80",
        "http://host:port",
        "http://host:99999",
        "http://[::1",
        "http://a b",
        "http://user:hunter2@host/v1",
        "http://hunter2@host",
        "https://host/v1?key=hunter2",
        "http://user:hunter2@host:port",
    ],
)
def test_bad_addresses_are_refused_and_no_password_is_repeated(name):
    for refused in (read_address, lambda name: read_config(model=name), lambda name: Contestant("A", name)):
        with pytest.raises(InputError) as fault:
            refused(name)
        assert "hunter2" not in str(fault.value)
        assert str(fault.value).startswith("model")


def test_names_of_checkpoints_are_no_servers():
    assert not any(map(is_server, ("bundled", "./http", "openai-community/gpt2", "https", "ftp://host")))


@pytest.fixture
def run(footnote):
    return footnote


def test_the_commands_take_an_address(engine, serve_app, openai_app, run, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    app = openai_app(engine, positions=2048)
    address = serve_app(app)
    home = tmp_path / "home"
    (tmp_path / "notes.txt").write_text("The Skerryvore lighthouse was lit in 1844. Its builder was Alan Stevenson.")
    assert run("ingest", tmp_path / "notes.txt", "--home", home)[0] == 0
    code, out, err = run("ask", "When was it lit?", "--home", home, "--model", address, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["model"] == f"{address}/v1#tiny"
    code, out, _ = run("doctor", "--home", home, "--model", address, "--port", 9797)
    assert f"ok     model: {address}/v1#tiny: answers; counted with a window of 2048 tokens" in out
    (tmp_path / "i.jsonl").write_text('{"instruction": "Say yes.", "solution": "Yes."}\n')
    code, out, err = run("eval", "replies", "--model", address, "--instructions", tmp_path / "i.jsonl", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["model"] == f"{address}/v1#tiny"
    refused = run("eval", "perplexity", tmp_path / "notes.txt", "--model", address)
    assert refused[:2] == (2, "")
    assert refused[2].startswith(f"footnote: {address}/v1: a server answers, but its weights are not here")
    assert len(refused[2].splitlines()) == 1
    assert KEY not in caplog.text
    assert not any(KEY in path.read_text(errors="replace") for path in home.rglob("*") if path.is_file())


def test_the_commands_say_what_is_wrong_with_a_server(run, tmp_path):
    code, out, err = run("ask", "When?", "--home", tmp_path, "--model", "http://user:hunter2@host/v1")
    assert (code, out) == (2, "")
    assert "hunter2" not in err
    assert "set OPENAI_API_KEY" in err
    code, out, err = run("doctor", "--home", tmp_path, "--model", "http://127.0.0.1:9")
    assert code == 1
    assert "FAILED model: http://127.0.0.1:9/v1: cannot be reached" in out


def test_a_pool_holds_servers_beside_checkpoints(engine, serve_app, openai_app, tiny_checkpoint, tmp_path):
    address = serve_app(openai_app(engine))
    engines = Engines(tmp_path)
    assert engines.get(address) is engines.get(address)
    assert isinstance(engines.get(str(tiny_checkpoint)), HubEngine)
