"""Tiny real objects that many tests share: a byte-level tokenizer, a two-layer GPT-2, a Chromium."""

import json
import os
import shutil
import socket
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import settings

# The first example of a test may load a library; how long that takes is no defect.
settings.register_profile("footnote", deadline=None)
settings.load_profile("footnote")

TEXTS = [
    "The lighthouse at Skerryvore was lit in 1844. Its keeper was Alan Stevenson.",
    "Sources:\n[1] The cat sat on the mat.\n\nQuestion: Where did the cat sit?",
    "I don't know. You are Footnote, a helpful assistant.",
]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch, tmp_path):
    """No test reads or writes the home of the person who runs it."""
    for name in list(os.environ):
        if name.startswith("FOOTNOTE_") and name != "FOOTNOTE_CHROMIUM":
            monkeypatch.delenv(name)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("FOOTNOTE_HOME", str(tmp_path / "home"))


@pytest.fixture
def footnote(monkeypatch, capsys):
    """Run `footnote ARGS` in this process; gives (exit code, stdout, stderr)."""
    from app.main import main

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["footnote", *map(str, args)])
        with pytest.raises(SystemExit) as stop:
            main()
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err

    return run


@pytest.fixture(scope="session")
def tiny_tokenizer():
    """A BPE of 400 tokens with the ChatML tags."""
    from finetune.tokenizer import train_tokenizer

    return train_tokenizer(TEXTS * 3, vocabulary=400, positions=256)


@pytest.fixture(scope="session")
def tiny_model(tiny_tokenizer):
    """A GPT-2 of two layers with seeded random weights."""
    import torch

    from finetune.base import new_model
    from finetune.config import ModelShape

    torch.manual_seed(0)
    return new_model(ModelShape(layers=2, width=32, heads=2, positions=256, vocabulary=400), tiny_tokenizer).eval()


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory, tiny_model, tiny_tokenizer) -> Path:
    """The folder of a checkpoint that transformers can load."""
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    tiny_model.save_pretrained(folder)
    tiny_tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a real Chromium; without one, browser tests are skipped, and fail in CI."""
    path = os.environ.get("FOOTNOTE_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        reason = "no Chromium found: install it, or name one in FOOTNOTE_CHROMIUM"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return path


@pytest.fixture
def serve_app():
    """Serves an ASGI app on loopback until the test ends; gives its address."""
    import uvicorn

    running = []

    def serve(app) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        running.append((server, thread, listener))
        while not server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield serve
    for server, thread, listener in running:
        server.should_exit = True
        thread.join(10)
        listener.close()


@pytest.fixture
def openai_app():
    """Makes an app that speaks OpenAI's schema over an engine; `state` has what was `asked`, and whether one `left`."""
    from fastapi import FastAPI, Request
    from fastapi.responses import StreamingResponse
    from starlette.concurrency import iterate_in_threadpool

    from assistant.chatml import Message
    from assistant.engine.reply import Reply
    from assistant.engine.sampling import Sampling

    def build(engine, *, model="tiny", positions=None, usage=True):
        app = FastAPI()
        app.state.asked, app.state.keys, app.state.left = [], [], threading.Event()

        @app.get("/v1/models")
        def models():
            window = {"max_model_len": positions} if positions else {}
            return {"object": "list", "data": [{"id": name, "object": "model", **window} for name in (model, "other")]}

        @app.post("/v1/chat/completions")
        async def chat(request: Request):
            asked = await request.json()
            app.state.asked.append(asked)
            app.state.keys.append(request.headers["authorization"])
            return StreamingResponse(events(asked), media_type="text/event-stream")

        async def events(asked):
            reply, stop = Reply(), threading.Event()
            names = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "max_tokens", "seed", "top_k")
            given = {name: asked[name] for name in names if name in asked}
            sampling = Sampling(**given, stop=tuple(asked.get("stop", ())))
            messages = [Message(**message) for message in asked["messages"]]
            try:
                async for piece in iterate_in_threadpool(engine.stream(messages, sampling, reply, stop)):
                    yield event([{"index": 0, "delta": {"content": piece}, "finish_reason": None}])
                yield event([{"index": 0, "delta": {}, "finish_reason": "stop"}])
                if usage:
                    yield event([], usage=asdict(reply.usage))
                yield "data: [DONE]\n\n"
            except BaseException:
                app.state.left.set()
                raise
            finally:
                stop.set()

        def event(choices, **more):
            chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": choices}
            return f"data: {json.dumps({**chunk, **more})}\n\n"

        return app

    return build
