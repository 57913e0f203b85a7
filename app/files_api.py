"""`/v1/files`: documents over HTTP, as OpenAI's clients upload, watch and delete files.

A file is one thing from upload to deletion, under one id: first a job of the library's queue, then a document. What
OpenAI's schema has no place for, such as how much is done, stands under `footnote`.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.types import Message, Receive

from app.api_errors import ApiError, ApiRoute
from retrieval import names
from retrieval.errors import LibraryError
from retrieval.library import Library
from retrieval.types import DEFAULT_COLLECTION, Document, Job, JobState

File = dict[str, Any]

_PURPOSES = ("assistants", "user_data")
_BESIDE_THE_FILE = 1 << 20
_FIELDS = 20
_MOST_LISTED = 10_000
_STATUS: dict[JobState, str] = {
    **dict.fromkeys(("queued", "extracting", "embedding"), "uploaded"),
    **dict.fromkeys(("ready", "skipped"), "processed"),
    **dict.fromkeys(("failed", "cancelled"), "error"),
}


def files_router(library: Library) -> APIRouter:
    """The routes over one library; its worker is started by the caller."""
    router = APIRouter(prefix="/v1/files", route_class=ApiRoute)

    @router.post("")
    async def upload(request: Request) -> File:
        """Take a file in: a form with `file`, and if wanted `collection`, `password` and `purpose`."""
        _refuse_other_sites(request)
        most = library.limits.max_bytes
        bounded = Request(request.scope, _bounded(request, most + _BESIDE_THE_FILE))
        async with bounded.form(max_files=1, max_fields=_FIELDS) as form:
            file, collection, password = _read(form, most)
            name = file.filename or ""
            job = await run_in_threadpool(library.submit, file.file, name, collection, password=password)
        return _of_job(job)

    @router.get("")
    def list_files(
        collection: str | None = None,
        limit: Annotated[int, Query(ge=1, le=_MOST_LISTED)] = _MOST_LISTED,
        after: str | None = None,
        order: Literal["asc", "desc"] = "desc",
    ) -> dict[str, Any]:
        """All files, also those on their way and those that failed; the newest first."""
        return _page(_all(library, collection), limit, after, descending=order == "desc")

    @router.get("/{file_id}")
    def retrieve(file_id: str) -> File:
        """What became of one file."""
        return _found(library, file_id)

    @router.delete("/{file_id}")
    def delete(request: Request, file_id: str) -> dict[str, Any]:
        """Delete a file; one that is on its way is cancelled."""
        _refuse_other_sites(request)
        library.remove(_found(library, file_id)["id"])
        return {"id": file_id, "object": "file", "deleted": True}

    return router


def _read(form: FormData, most: int) -> tuple[UploadFile, str, str | None]:
    """The file, collection and password of a form. Raises ApiError, LibraryError."""
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise ApiError(400, "the form has no file; send one under the name file, with its file name.", "file")
    if (file.size or 0) > most:
        raise _too_large(most)
    purpose = form.get("purpose", _PURPOSES[0])
    if purpose not in _PURPOSES:
        raise ApiError(
            400, f"the purpose must be {' or '.join(_PURPOSES)}: files are documents to answer from.", "purpose"
        )
    password = form.get("password")
    return file, _collection(form.get("collection")), password if isinstance(password, str) else None


def _collection(given: object) -> str:
    try:
        return names.checked_collection(given if isinstance(given, str) else DEFAULT_COLLECTION)
    except LibraryError as error:
        raise ApiError(400, str(error), "collection") from error


def _all(library: Library, collection: str | None) -> list[File]:
    # In this order: what becomes a document between the two is there twice, and told once below.
    jobs = {job.id: _of_job(job) for job in library.jobs(collection)}
    return list(
        {**jobs, **{document.id: _of_document(document) for document in library.documents(collection)}}.values()
    )


def _page(files: list[File], limit: int, after: str | None, *, descending: bool) -> dict[str, Any]:
    files = sorted(files, key=lambda file: (file["created_at"], file["id"]), reverse=descending)
    if after is not None:
        place = next((place for place, file in enumerate(files) if file["id"] == after), None)
        if place is None:
            raise ApiError(400, f"there is no file {after} to list after; begin without after.", "after")
        files = files[place + 1 :]
    shown = files[:limit]
    ends = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {"first_id": None, "last_id": None}
    return {"object": "list", "data": shown, **ends, "has_more": len(files) > limit}


def _found(library: Library, file_id: str) -> File:
    """The file of this id. Raises ApiError."""
    job = library.job(file_id)
    document = library.document(file_id)
    if document and not document.retired_at:
        return _of_document(document, job)
    if job:
        return _of_job(job)
    taken = "; a newer version took its place" if document else ""
    raise ApiError(404, f"there is no file with the id {file_id}{taken}; list the files to see their ids.", "file_id")


def _of_document(document: Document, job: Job | None = None) -> File:
    return {
        **_file(document.id, document.bytes, document.added_at, document.name, "ready", job.reason if job else None),
        "footnote": {
            **{"state": "ready", "share": 1.0, "reason": job.reason if job else None},
            **{"pages": document.pages, "passages": document.passages, "collection": document.collection},
            **{"document_id": document.id, "aliases": list(document.aliases)},
        },
    }


def _of_job(job: Job) -> File:
    return {
        **_file(job.id, job.bytes, job.submitted_at, job.name, job.state, job.reason),
        "footnote": {
            **{"state": job.state, "share": job.share, "reason": job.reason},
            **{"pages": None, "passages": 0, "collection": job.collection, "document_id": job.document_id},
        },
    }


def _file(id_: str, size: int | None, created: str, name: str, state: JobState, reason: str | None) -> File:
    return {
        **{"id": id_, "object": "file", "bytes": size, "filename": name, "purpose": _PURPOSES[0]},
        "created_at": int(datetime.fromisoformat(created).timestamp()),
        **{"status": _STATUS[state], "status_details": reason},
    }


def _bounded(request: Request, most: int) -> Receive:
    """The body of a request, cut off with an ApiError where it is longer than `most` bytes."""
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > most:
        raise _too_large(most)
    seen = 0

    async def receive() -> Message:
        nonlocal seen
        message = await request.receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise _too_large(most)
        return message

    return receive


def _too_large(most: int) -> ApiError:
    return ApiError(
        413, f"the file is too large, at most {most / 1e6:,.0f} MB are taken; split it and add the parts.", "file"
    )


def _refuse_other_sites(request: Request) -> None:
    """A page of another site that the reader has open could send forms here: what a browser says of it is checked."""
    origin = request.headers.get("origin")
    if origin and urlsplit(origin).netloc != request.headers.get("host"):
        raise ApiError(403, "files are not taken from pages of other sites.")
