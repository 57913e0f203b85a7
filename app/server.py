"""The web server: the page and the health of the service, in one process on one port."""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress

import gradio as gr
import uvicorn
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.downloads import downloads_router
from app.files_api import files_router
from app.logs import log_to
from app.page import CSS, build_page, build_theme
from app.uploads import upload_folder
from assistant.address import listen
from assistant.config import Config
from assistant.errors import SHOWN, InputError
from assistant.pipeline import Assistant
from assistant.records import open_records
from retrieval.database import Database
from retrieval.errors import Occupied
from retrieval.worker import WORKER_THREAD, Worker

# What the server takes in at all. The library refuses files of over 100 MB, each with a row in the report; here a whole
# upload is cut off with all that is in it.
MAX_UPLOAD = "512mb"
_WARM_UP = "warm-up"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # The page is built with inline scripts and templates; what matters here is that it can reach no other host.
    "Content-Security-Policy": (
        "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    ),
}


def create_app(assistant: Assistant, records: Database) -> FastAPI:
    """The page at `/`, `/v1/files`, `/v1/evaluation` and `GET /health`.

    The assistant and the records are opened and closed by the caller.

    As long as the server runs, what is uploaded is worked on.
    """

    @asynccontextmanager
    async def working(_: FastAPI) -> AsyncIterator[None]:
        _start(assistant.library.worker)
        yield
        await run_in_threadpool(assistant.library.worker.stop)

    # The pages that FastAPI makes of its schema load their scripts from another host.
    app = FastAPI(title="Footnote", docs_url=None, redoc_url=None, lifespan=working)
    app.add_middleware(SecurityHeaders)
    app.include_router(files_router(assistant.library))
    app.include_router(downloads_router(records))

    @app.get("/health")
    def health() -> dict[str, str]:
        """Whether the server answers, and the name of its model."""
        return {"status": "ok", "model": assistant.model_name}

    gr.mount_gradio_app(
        app,
        build_page(assistant, records),
        path="/",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=MAX_UPLOAD,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=build_theme(),
        css_paths=CSS,
    )
    return app


def _start(worker: Worker) -> None:
    """Work on the uploads, or wait until the other program that does has ended."""
    try:
        worker.start()
    except Occupied as fault:
        told = (
            f"Another program (process {fault.process}) works on the uploads of this home: files added here wait for "
            "it, and passwords given here do not reach it; once it ends, this server takes over."
        )
        print(told, file=sys.stderr, flush=True)
        logging.getLogger("footnote").warning("%s", told)
        worker.stand_by()


def serve(config: Config) -> None:
    """Serve until interrupted. Raises `InputError` where the address cannot be listened on."""
    with (
        _listen(config.host, config.port) as listener,
        upload_folder(config.home) as uploads,
        Assistant.from_config(config) as assistant,
        closing(open_records(config.home)) as records,
    ):
        # Ended by SIGTERM, the program closes its folders as it does after Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        os.environ["GRADIO_TEMP_DIR"] = str(uploads)
        log_to(config.home)
        # No log configuration of its own: its messages go to the program's log, traces of cut-off streams included.
        settings = uvicorn.Config(
            create_app(assistant, records), log_config=None, log_level="warning", timeout_graceful_shutdown=1
        )
        with suppress(KeyboardInterrupt):
            _Server(settings, assistant).run(sockets=[listener])
    _leave()


def _leave() -> None:
    """End the process at once where a thread is still loading a model: Python's own way out would abort inside it."""
    if {thread.name for thread in threading.enumerate()} & {_WARM_UP, WORKER_THREAD}:
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)


class SecurityHeaders:
    """Adds `_HEADERS` to every response; plain ASGI, so that streams pass through unbuffered."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and the response back with the headers."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class _Server(uvicorn.Server):
    """Says where the page is once the port answers; only then loads the models."""

    def __init__(self, config: uvicorn.Config, assistant: Assistant):
        super().__init__(config)
        self._assistant = assistant

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if sockets and self.started:
            print(f"Footnote is ready at {_url(sockets[0])}", flush=True)
            threading.Thread(target=_warm_up, args=[self._assistant], name=_WARM_UP, daemon=True).start()


def _warm_up(assistant: Assistant) -> None:
    """Load the models; where that fails, the first question says so on the page."""
    try:
        assistant.warm_up()
    except SHOWN as fault:
        logging.getLogger("footnote").warning("%s", fault)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as fault:
        raise InputError(
            f"cannot listen on {host}, port {port} ({fault.strerror}); another program may be using it: "
            "choose another with --port"
        ) from fault


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
