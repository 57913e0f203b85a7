"""The server without a browser: its health, its headers, what it keeps closed, and the address it needs."""

import os
from contextlib import closing, contextmanager

import pytest
from fastapi.testclient import TestClient

from app.server import _listen, create_app
from app.uploads import upload_folder
from assistant.errors import InputError
from assistant.pipeline import Assistant
from assistant.records import open_records


@contextmanager
def opened(home):
    """A client of the server over a home."""
    with (
        Assistant.open(home, model="tiny") as assistant,
        closing(open_records(home)) as records,
        TestClient(create_app(assistant, records)) as client,
    ):
        yield client


@pytest.fixture
def client(tmp_path):
    with opened(tmp_path) as client:
        yield client


def test_health_names_the_model(client):
    assert client.get("/health").json() == {"status": "ok", "model": "tiny"}


def test_the_page_is_served_with_its_headers(client):
    response = client.get("/")
    assert response.status_code == 200
    assert "Footnote" in response.text
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert "frame-ancestors 'self'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/gradio_api/runs", "/monitoring/summary"])
def test_pages_of_the_framework_are_closed(client, path):
    assert client.get(path).status_code in {401, 403, 404}


def test_the_page_offers_no_api_of_its_handlers(client):
    assert client.get("/gradio_api/info").json() == {"named_endpoints": {}, "unnamed_endpoints": {}}


@pytest.mark.parametrize("path", ["/etc/passwd", "pyproject.toml", "app/server.py"])
def test_no_file_of_the_machine_is_served(client, path):
    assert client.get(f"/gradio_api/file={path}").status_code in {403, 404}


def test_an_upload_over_the_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("app.server.MAX_UPLOAD", "1mb")
    body = b"\0" * (1024 * 1024 + 1)
    with opened(tmp_path) as client:
        response = client.post("/gradio_api/upload", files={"files": ("big.txt", body)})
    assert response.status_code == 413


def test_a_port_in_use_is_named_with_what_to_do():
    with _listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} .*--port"):
            _listen("127.0.0.1", port)


def test_a_host_that_is_not_ours_is_named():
    with pytest.raises(InputError, match=r"192\.0\.2\.1"):
        _listen("192.0.2.1", 0)


def test_uploads_lie_in_the_home_and_those_of_a_dead_server_are_removed(tmp_path):
    dead = tmp_path / ".uploads" / "dead" / "inner"
    (tmp_path / ".uploads").mkdir(mode=0o700)
    dead.mkdir(parents=True)
    (dead / "secret.txt").write_text("secret")
    with upload_folder(tmp_path) as one:
        assert not dead.exists()
        (one / "a.txt").write_text("a")
        with upload_folder(tmp_path) as two:
            assert (one / "a.txt").exists()
            assert one != two
            assert one.parent == two.parent == tmp_path / ".uploads"
            assert (os.stat(one.parent).st_mode & 0o077) == (os.stat(two).st_mode & 0o077) == 0
        assert (one / "a.txt").exists()
    assert list((tmp_path / ".uploads").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"), upload_folder(tmp_path / "file"):
        pass
