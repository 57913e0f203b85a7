"""`/v1/files` over a real socket, with OpenAI's own client and without it."""

import contextlib
import io
import os
import runpy
import threading
import time
import zipfile
from pathlib import Path

import httpx
import openai
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.files_api import files_router
from app.server import create_app
from assistant.engine.pool import Engines
from assistant.pipeline import Assistant
from retrieval.extract import Limits
from retrieval.library import Library

TinyEmbedder = runpy.run_path(str(Path(__file__).parents[1] / "retrieval" / "tiny.py"))["TinyEmbedder"]


@pytest.fixture
def library(tmp_path):
    with Library.open(tmp_path / "library", TinyEmbedder(), Limits(max_bytes=100_000)) as library:
        yield library


@pytest.fixture
def address(library):
    app = FastAPI()
    app.include_router(files_router(library))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def client(address):
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def http(address):
    with httpx.Client(base_url=address) as http:
        yield http


def until(client, file_id, status):
    end = time.monotonic() + 20
    while (file := client.files.retrieve(file_id)).status != status:
        assert time.monotonic() < end, file
        time.sleep(0.02)
    return file


def test_upload_watch_list_and_delete_with_the_official_client(client, library):
    file = client.files.create(file=("lease.txt", b"The lease ends in 2027."), purpose="assistants")
    assert (file.object, file.filename, file.bytes, file.purpose) == ("file", "lease.txt", 23, "assistants")
    assert (file.status, file.footnote["state"], file.footnote["share"]) == ("uploaded", "queued", 0)
    assert abs(file.created_at - time.time()) < 60
    library.worker.start()
    done = until(client, file.id, "processed")
    expected = {"state": "ready", "share": 1, "pages": None, "passages": 1, "collection": "default"}
    assert expected.items() <= done.footnote.items()
    assert (done.id, done.status_details) == (file.id, None)
    assert library.search("lease")[0].document_id == file.id
    assert [each.id for each in client.files.list()] == [file.id]
    assert client.files.delete(file.id).deleted is True
    assert list(client.files.list()) == []
    assert library.search("lease") == []
    with pytest.raises(openai.NotFoundError, match="there is no file with the id"):
        client.files.retrieve(file.id)
    with pytest.raises(openai.NotFoundError):
        client.files.delete(file.id)


def test_an_archive_is_deleted_with_all_that_came_from_it(client, library):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("a.txt", "b.txt"):
            archive.writestr(name, f"The heron of {name}.")
    library.worker.start()
    file = client.files.create(file=("pk.zip", packed.getvalue()), purpose="assistants")
    until(client, file.id, "processed")
    end = time.monotonic() + 20
    while len(library.documents()) < 2:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert client.files.delete(file.id).deleted is True
    assert list(client.files.list()) == library.search("heron") == []


def test_a_skipped_file_is_deleted_with_the_document_that_has_its_name_by_now(client, library):
    library.worker.start()
    files = []
    for name, data in (("pp.txt", b"Heron."), ("qq.txt", b"Heron."), ("pp.txt", b"Stork.")):
        files.append(client.files.create(file=(name, data), purpose="assistants"))
        until(client, files[-1].id, "processed")
    assert client.files.delete(files[1].id).deleted is True
    assert [hit.document for hit in library.search("heron", k=10)] == ["pp.txt"]
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(files[1].id)


def test_a_file_that_failed_tells_why(client, library):
    library.worker.start()
    file = client.files.create(file=("noise.bin", bytes(range(256))), purpose="user_data")
    failed = until(client, file.id, "error")
    assert failed.status_details == failed.footnote["reason"]
    assert failed.status_details.startswith("noise.bin is neither a known kind of document")
    assert failed.footnote["state"] == "failed"
    client.files.delete(file.id)
    assert library.jobs() == []


def test_the_same_bytes_are_skipped_and_new_ones_replace(client, library):
    library.worker.start()
    first = until(client, client.files.create(file=("a.txt", b"One."), purpose="assistants").id, "processed")
    again = until(client, client.files.create(file=("b.txt", b"One."), purpose="assistants").id, "processed")
    assert (again.footnote["state"], again.footnote["document_id"]) == ("skipped", first.id)
    assert again.status_details == "Its content is already in the collection default, as a.txt."
    newer = until(client, client.files.create(file=("a.txt", b"Two."), purpose="assistants").id, "processed")
    assert newer.status_details.startswith("Took the place of the earlier version of a.txt, which stays as b.txt: its")
    again = client.files.retrieve(again.id)
    assert client.files.retrieve(again.footnote["document_id"]).filename == "b.txt"
    assert again.status_details == "Its content is in the collection default, as b.txt."
    second = until(client, client.files.create(file=("b.txt", b"Three."), purpose="assistants").id, "processed")
    assert second.status_details == "Took the place of the earlier version of b.txt."
    with pytest.raises(openai.NotFoundError, match="a newer version took its place"):
        client.files.retrieve(first.id)
    assert {file.id for file in client.files.list()} == {second.id, newer.id}


def test_a_file_on_its_way_is_cancelled_by_deleting_it(client, library):
    file = client.files.create(file=("a.txt", b"One."), purpose="assistants")
    client.files.delete(file.id)
    library.worker.run_until_idle()
    assert (library.jobs(), library.documents()) == ([], [])


def test_a_form_with_collection_and_password(http, library, tmp_path):
    from fpdf import FPDF

    pdf = FPDF()
    pdf.set_encryption("owner", user_password="xylophone")
    pdf.add_page()
    pdf.set_font("helvetica", size=12)
    pdf.cell(text="A secret.")
    form = {"collection": "law", "password": "xylophone"}
    file = http.post("/v1/files", files={"file": ("x.pdf", bytes(pdf.output()))}, data=form).json()
    library.worker.run_until_idle()
    assert http.get(f"/v1/files/{file['id']}").json()["footnote"] == {
        **{"state": "ready", "share": 1.0, "reason": None, "pages": 1, "passages": 1, "collection": "law"},
        **{"document_id": file["id"], "aliases": []},
    }
    assert http.get("/v1/files", params={"collection": "default"}).json()["data"] == []
    assert len(http.get("/v1/files", params={"collection": "law"}).json()["data"]) == 1


def test_too_large_is_413_and_named(client, http, library):
    with pytest.raises(openai.APIStatusError, match="at most 0 MB are taken; split it") as caught:
        client.files.create(file=("a.txt", b"x" * 100_001), purpose="assistants")
    assert caught.value.status_code == 413
    assert http.post("/v1/files", files={"file": ("a.txt", b"x" * 3_000_000)}).status_code == 413

    def undeclared():
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n'
        for _ in range(30):
            yield b"x" * 100_000
        yield b"\r\n--b--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    with contextlib.suppress(httpx.WriteError):  # The server may have closed before all was sent.
        assert http.post("/v1/files", content=undeclared(), headers=headers).status_code == 413
    assert library.jobs() == []


@pytest.mark.parametrize(
    ("request_", "param", "said"),
    [
        ({"data": {"file": "no file"}}, "file", "the form has no file"),
        ({"files": {"other": ("a.txt", b"x")}}, "file", "the form has no file"),
        ({"json": {}}, "file", "the form has no file"),
        ({"files": {"file": ("a.txt", b"x")}, "data": {"collection": " "}}, "collection", "cannot name a collection"),
        ({"files": {"file": ("a.txt", b"x")}, "data": {"purpose": "fine-tune"}}, "purpose", "the purpose must be"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, None, "boundary"),
        ({"files": [("file", ("a.txt", b"x")), ("file", ("b.txt", b"x"))]}, None, "Too many files"),
    ],
)
def test_bad_uploads_are_400_in_openais_form(http, library, request_, param, said):
    response = http.post("/v1/files", **request_)
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert said in error["message"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert library.jobs() == []


def test_pages_of_other_sites_cannot_upload_or_delete(http, address, library):
    files = {"file": ("a.txt", b"One.")}
    assert http.post("/v1/files", files=files, headers={"Origin": "https://elsewhere.example"}).status_code == 403
    assert http.post("/v1/files", files=files, headers={"Origin": address}).status_code == 200
    (job,) = library.jobs()
    assert http.delete(f"/v1/files/{job.id}", headers={"Origin": "null"}).status_code == 403


def test_lists_in_parts(http, library):
    ids = [library.submit(b"%d" % number, f"{number}.txt").id for number in range(5)]
    library.worker.run_until_idle()
    library.submit(b"waiting", "waiting.txt")
    whole = http.get("/v1/files", params={"order": "asc"}).json()
    assert {file["id"] for file in whole["data"]} >= set(ids)
    seen, after = [], None
    while True:
        part = http.get("/v1/files", params={"order": "asc", "limit": 4, **({"after": after} if after else {})}).json()
        seen += part["data"]
        after = part["last_id"]
        if not part["has_more"]:
            break
    assert seen == whole["data"]
    assert len(seen) == 6
    for params in ({"limit": 0}, {"limit": "x"}, {"order": "up"}, {"after": "nothing"}):
        response = http.get("/v1/files", params=params)
        assert response.status_code == 400
        assert response.json()["error"]["param"] == next(iter(params))


def test_a_second_server_on_one_home_waits_for_the_first_to_end(tmp_path, library, records, capsys):
    library.worker.start()
    second = Library.open(tmp_path / "library", TinyEmbedder())
    with (
        Assistant(second, "tiny", Engines(tmp_path), passages=8) as assistant,
        TestClient(create_app(assistant, records)) as client,
    ):
        told = capsys.readouterr().err
        assert f"Another program (process {os.getpid()}) works on the uploads of this home: files added here" in told
        assert told.count(".") == told.count("\n") == 1
        library.worker.stop()
        file = client.post("/v1/files", files={"file": ("a.txt", b"One.")}).json()
        end = time.monotonic() + 20
        while client.get(f"/v1/files/{file['id']}").json()["status"] != "processed":
            assert time.monotonic() < end
            time.sleep(0.02)


def test_the_server_works_on_uploads_while_it_runs(tmp_path, records):
    library = Library.open(tmp_path / "library", TinyEmbedder())
    with Assistant(library, "tiny", Engines(tmp_path), passages=8) as assistant:
        with TestClient(create_app(assistant, records)) as client:
            file = client.post("/v1/files", files={"file": ("a.txt", b"One.")}).json()
            end = time.monotonic() + 20
            while client.get(f"/v1/files/{file['id']}").json()["status"] != "processed":
                assert time.monotonic() < end
                time.sleep(0.02)
            assert client.get("/v1/files/none").status_code == 404
        job = library.submit(b"Two.", "b.txt")
        time.sleep(0.3)
        assert library.job(job.id).state == "queued"
