"""Errors of the HTTP API in the form that OpenAI's clients know: `{"error": {"message", "type", "param", "code"}}`."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from assistant.errors import FootnoteError
from retrieval.errors import DocumentError, LibraryError


class ApiError(Exception):
    """An answer that is not the one asked for; `message` names what is wrong and what to do."""

    def __init__(self, status: int, message: str, param: str | None = None):
        super().__init__(message)
        self.status = status
        self.param = param


class ApiRoute(APIRoute):
    """A route whose errors are answered in OpenAI's form; faults of the program pass, and are logged by the server."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler of the route, guarded."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handle(request)
            except ApiError as error:
                return _answer(error.status, str(error), error.param)
            except RequestValidationError as error:
                first = error.errors()[0]
                param = str(first["loc"][-1])
                return _answer(400, f"{param}: {first['msg']}.", param)
            except HTTPException as error:
                return _answer(error.status_code, str(error.detail))
            except (DocumentError, FootnoteError) as error:
                return _answer(400, str(error))
            except LibraryError as error:
                return _answer(503, str(error))

        return guarded


def _answer(status: int, message: str, param: str | None = None) -> JSONResponse:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return JSONResponse({"error": {"message": message, "type": kind, "param": param, "code": None}}, status)
