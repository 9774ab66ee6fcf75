"""The ASGI application over one notebook and one pool."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from . import openapi
from .access import Door
from .answer import InfoError, body, problem, respond
from .kernel import CodeFailed, Kernel, KernelDied, TooMuch
from .notebook import METHODS, Endpoint, Notebook
from .pool import Full, Late, Pool
from .request import Refused, bundle, parse_body, read_body
from .settings import Settings

HEALTH, SPECIFICATION, SWAGGER = "/health", "/_api/spec/openapi.json", "/_api/spec/swagger.json"
_HEALTH_SECONDS = 5.0
log = logging.getLogger(__name__)


def create_app(notebook: Notebook, pool: Pool, settings: Settings, release: str | None = None) -> Starlette:
    """Return the application."""
    origins = Middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=METHODS,
        allow_headers=["Authorization", "Content-Type"],
        expose_headers=["Retry-After"],
    )
    app = Starlette(middleware=[origins], exception_handlers={Exception: _unexpected})
    app.mount("/", Api(notebook, pool, settings, release))
    return app


class Api:
    """The notebook's endpoints, its descriptions and its health."""

    def __init__(self, notebook: Notebook, pool: Pool, settings: Settings, release: str | None) -> None:
        self._notebook, self._pool, self._settings, self._release = notebook, pool, settings, release
        self._door = Door(settings.token)
        self._described = {
            SPECIFICATION: openapi.document(notebook),
            SWAGGER: openapi.swagger(notebook),
        }
        self._checked: asyncio.Task[list[bool]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except Refused as refused:
            response = problem(refused.status, str(refused), refused.headers)
        except Full:
            response = problem(503, "too many requests are waiting: try again later", {"Retry-After": "5"})
        except Late:
            response = problem(503, "no kernel was free in time: try again later", {"Retry-After": "5"})
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        path = request.scope.get("raw_path", b"").split(b"?")[0].decode("latin-1")
        found = self._notebook.find(path)
        if path == HEALTH:
            response = await self._health()
            if response.status_code != 200 or found is None or found[0].path != HEALTH:
                return response
        if found is None:
            return self._describe(request, path)
        place, names = found
        if request.method == "OPTIONS":
            return Response(headers={"Allow": _allowed(*place.endpoints)})
        endpoint = place.endpoints.get(request.method)
        if endpoint is None:
            raise Refused(405, f"{request.method} is not for this path", Allow=_allowed(*place.endpoints))
        self._door.let_in(request, endpoint)
        content = await read_body(request, self._settings.body_bytes)
        value = await parse_body(request, content, endpoint.options.body)
        return await Asked(self._pool, self._settings, endpoint, bundle(request, value, names)).answer()

    def _describe(self, request: Request, path: str) -> Response:
        if path not in self._described:
            return problem(404, "")
        if request.method != "GET":
            raise Refused(405, f"{request.method} is not for this path", Allow=_allowed("GET"))
        return JSONResponse(self._described[path])

    async def _health(self) -> Response:
        """Ask every kernel; whoever asks meanwhile gets the same answer."""
        if self._checked is None or self._checked.done():
            self._checked = asyncio.ensure_future(self._pool.health(_HEALTH_SECONDS))
        kernels = await asyncio.shield(self._checked)
        whole = all(kernels)
        about = {"service": "notebook_api", "notebook": self._notebook.title, "release": self._release}
        counted = {"kernels": len(kernels), "healthy": sum(kernels)}
        return JSONResponse(
            {"status": "ok" if whole else "unavailable", **counted, **about}, 200 if whole else 503
        )


class Asked:
    """One request on its way through a kernel."""

    def __init__(self, pool: Pool, settings: Settings, endpoint: Endpoint, request: str) -> None:
        self._pool, self._endpoint, self._request = pool, endpoint, request
        self._most = settings.answer_bytes
        self._seconds = endpoint.options.deadline or settings.timeout
        self._until = asyncio.get_running_loop().time() + self._seconds

    async def answer(self) -> Response:
        """Return the answer; of one that is streamed, its beginning."""
        if self._endpoint.options.stream:
            return await self._stream(self._endpoint.options.stream)
        try:
            async with self._pool.hold(self._left()) as kernel:
                return await asyncio.wait_for(self._run(kernel), self._left())
        except (CodeFailed, InfoError, KernelDied, TooMuch, asyncio.TimeoutError) as error:
            return self._failed(error)

    async def _run(self, kernel: Kernel) -> Response:
        result = await kernel.run(self._endpoint.source, request=self._request, most=self._most)
        if not self._endpoint.info:
            return respond(body(result))
        info = await kernel.run(self._endpoint.info)
        return respond(body(result), body(info))

    async def _stream(self, content_type: str) -> Response:
        """Wait for what is printed first: until then all that goes wrong has its own status."""
        parts = self._parts()
        try:
            first = await anext(parts, "")
        except (CodeFailed, KernelDied, TooMuch, asyncio.TimeoutError) as error:
            return self._failed(error)
        headers = {"Content-Type": content_type, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._rest(first, parts), headers=headers)

    async def _rest(self, first: str, parts: AsyncIterator[str]) -> AsyncIterator[bytes]:
        async with contextlib.aclosing(parts):  # type: ignore[type-var]
            yield first.encode("utf-8", "replace")
            try:
                async for part in parts:
                    yield part.encode("utf-8", "replace")
            except (CodeFailed, KernelDied, TooMuch, asyncio.TimeoutError) as error:
                self._failed(error)
                raise ConnectionAbortedError("the answer has begun: it is cut off") from error

    async def _parts(self) -> AsyncIterator[str]:
        printed: asyncio.Queue[str | None] = asyncio.Queue()
        running = asyncio.ensure_future(self._print(printed.put_nowait))
        running.add_done_callback(lambda _: printed.put_nowait(None))
        try:
            while (part := await printed.get()) is not None:
                yield part
            running.result()
        finally:
            running.cancel()

    async def _print(self, printed: Callable[[str], None]) -> None:
        """Hold a kernel no longer than the cell runs and may run, however slowly the client reads."""
        async with self._pool.hold(self._left()) as kernel:
            run = kernel.run(self._endpoint.source, request=self._request, most=self._most, printed=printed)
            await asyncio.wait_for(run, self._left())

    def _left(self) -> float:
        return max(self._until - asyncio.get_running_loop().time(), 0.0)

    def _failed(self, error: Exception) -> Response:
        """Say what went wrong: to the client in a word, to the journal whole; the id leads from one to the other."""
        identity = uuid4().hex[:12]
        status, message = 500, "the code of this endpoint failed"
        if isinstance(error, asyncio.TimeoutError):
            status, message = 504, f"the answer took more than {self._seconds} s"
        elif isinstance(error, TooMuch):
            message = f"the answer has more than {self._most:,} bytes"
        elif isinstance(error, KernelDied):
            message = "the kernel that ran the code ended"
        said = error.traceback if isinstance(error, CodeFailed) else str(error) or message
        log.error("%s: %s:\n%s", identity, self._endpoint.name, said)
        return problem(status, message, id=identity)


def _allowed(*methods: str) -> str:
    return ", ".join([*methods, "OPTIONS"])


async def _unexpected(_: Request, __: Exception) -> Response:
    return problem(500, "the request failed")
