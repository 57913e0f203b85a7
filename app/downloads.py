"""`/v1/evaluation`: the files of sessions and reports, for the links of the page and for programs."""

import json
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from app.api_errors import ApiError, ApiRoute
from app.reports import Reports
from assistant.errors import InputError
from eval.exchange import session_rows, votes_csv
from eval.sessions import find_session
from eval.votes import SCORES, votes_of
from retrieval.database import Database


def downloads_router(records: Database) -> APIRouter:
    """The routes over the records; reports are beside them in the home."""
    router = APIRouter(prefix="/v1/evaluation", route_class=ApiRoute)
    reports = Reports(records.path.parent)

    @router.get("/votes.csv")
    def votes(session: str) -> Response:
        """The votes of people in a session, as `footnote eval elo` reads them."""
        cast = votes_of(records, find_session(records, session).id)
        told = [vote for vote in cast if vote.kind == "person" and vote.winner in SCORES]
        return _file(votes_csv(told), "text/csv", f"{session}.csv")

    @router.get("/session.jsonl")
    def rows(session: str) -> Response:
        """Every row of a session, as `footnote eval import` reads them."""
        lines = [json.dumps(row, ensure_ascii=False) for row in session_rows(records, session)]
        return _file("".join(f"{line}\n" for line in lines), "application/jsonl", f"{session}.jsonl")

    @router.get("/report.json")
    def report(session: str) -> Response:
        """The ratings of a session."""
        from eval.session_report import battle_report

        return _file(json.dumps(battle_report(records, session)), "application/json", f"{session}.json")

    @router.get("/report/{name}/{file}")
    def report_file(name: str, file: Literal["report.html", "report.json"]) -> FileResponse:
        """A file of a report."""
        try:
            path = reports.file(name, file)
        except InputError as fault:
            raise ApiError(404, str(fault), "name") from fault
        return FileResponse(path, filename=f"{name}{Path(file).suffix}")

    return router


def _file(text: str, kind: str, name: str) -> Response:
    """A file to keep. Its name may hold anything, so it goes by RFC 5987; nothing in it is shown or run."""
    kept = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return Response(text.encode("utf-8", "replace"), media_type=kind, headers={"Content-Disposition": kept})
