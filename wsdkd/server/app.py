"""The addresses: ``/predict``, ``/students``, ``/health``, ``/metrics``; and a page to try a student."""

import asyncio
import base64
import io
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from PIL import Image

from wsdkd.data.images import MAX_MEMORY, ImageError, load_square
from wsdkd.ground.errors import UserError
from wsdkd.ground.workers import worker_count
from wsdkd.pages.page import render_page
from wsdkd.server.addresses import addresses_page
from wsdkd.server.answers import REFUSALS, Answer, Label, RefusedError
from wsdkd.server.asked import Pool, Ready
from wsdkd.server.batches import Batches, QueueFullError
from wsdkd.server.counts import Counts
from wsdkd.serving.labels import DECIMALS, Choice

HEAT_LABELS = 8
LOOKED_AT = 1.0  # seconds between two looks at which student is promoted


@dataclass(frozen=True)
class Limits:
    """What one request may take, and all of them together.

    Attributes:
        file_bytes: of a picture's file.
        memory: bytes that decoding it may take.
        seconds: until it is answered, or given up.
        batch: pictures that go through the network together.
        waiting: pictures that may wait for it; twice as many requests may be under way.
    """

    file_bytes: int = 50_000_000
    memory: int = MAX_MEMORY
    seconds: float = 30.0
    batch: int = 32
    waiting: int = 128


def make_app(
    students: Pool,
    limits: Limits = Limits(),
    outputs: Callable[[Ready, Any], np.ndarray] = lambda ready, pictures: ready.outputs(pictures),
) -> FastAPI:
    """The application, for any ASGI server.

    Args:
        students: that can be asked.
        limits: of requests.
        outputs: as :class:`~wsdkd.server.batches.Batches` takes them.
    """
    counts = Counts()
    batches = Batches(outputs, limits.batch, limits.waiting, counts.batch.observe)
    decoding = ThreadPoolExecutor(worker_count(), "decoding")
    answering = _Answering(students, limits, batches, decoding)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(batches.run()), asyncio.create_task(_look(students, counts))]
        yield
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    # The usual pages of documentation load their scripts from elsewhere; the one here loads nothing.
    app = FastAPI(title="wsdkd", lifespan=lifespan, docs_url=None, redoc_url=None)

    _answer_pictures(app, answering, counts)
    _tell(app, students, batches, counts)
    return app


def _answer_pictures(app: FastAPI, answering: "_Answering", counts: Counts) -> None:
    @app.post(
        "/predict",
        response_model=Answer,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
        responses={
            status: {"description": text, "content": {"application/json": {"schema": {"type": "object"}}}}
            for status, text in REFUSALS.items()
        },
    )
    async def predict(
        request: Request,
        student: Annotated[str | None, Query(description="promoted, student or baseline")] = None,
        threshold: Annotated[float | None, Query(ge=0, le=1, description="one for all classes")] = None,
        top: Annotated[int | None, Query(ge=1, description="the best N labels")] = None,
        heat: Annotated[bool, Query(description="where the labels are seen")] = False,
    ) -> Response:
        """Label the picture whose file is the request's body."""
        started = time.perf_counter()
        asked = _Asked(student, threshold, top, heat)
        try:
            async with asyncio.timeout(answering.limits.seconds):
                answer = await answering.answer(request, asked)
            response = JSONResponse(answer.model_dump())
        except TimeoutError:
            response = _refused(503, f"not answered within {answering.limits.seconds:g} seconds")
        except RefusedError as refusal:
            response = _refused(refusal.status, refusal.detail)
        except Exception:
            # A defect, which whoever watches the counts should see, too.
            counts.answers.labels("500").inc()
            raise
        counts.answers.labels(str(response.status_code)).inc()
        counts.seconds.observe(time.perf_counter() - started)
        return response


def _tell(app: FastAPI, students: Pool, batches: Batches, counts: Counts) -> None:
    """Addresses that say something of the server."""

    @app.get("/students")
    def known() -> list[str]:
        """Those that can be asked; the first answers where none is named."""
        return students.names()

    @app.get("/health")
    async def health() -> dict[str, Any]:
        """Whether the student that answers is there, and what kept another from taking its place."""
        try:
            ready = await asyncio.to_thread(students.get, students.first)
        except UserError as error:
            raise RefusedError(503, str(error)) from None
        return {
            "status": "ok",
            "student": ready.name,
            "version": ready.version,
            "thresholds": ready.origin,
            "failures": students.failures,
        }

    @app.get("/metrics")
    def metrics() -> Response:
        """Counts in Prometheus' form of text."""
        counts.waiting.set(batches.waiting)
        return Response(counts.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    def addresses() -> str:
        return addresses_page(app.openapi())

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    def page() -> str:
        return render_page("wsdkd.server", "try.html", {"students": students.names()})

    @app.exception_handler(RefusedError)
    async def refuse(_: Request, refusal: Exception) -> Response:
        assert isinstance(refusal, RefusedError)  # noqa: S101, the handler's type
        return _refused(refusal.status, refusal.detail)


@dataclass(frozen=True)
class _Asked:
    student: str | None
    threshold: float | None
    top: int | None
    heat: bool


@dataclass
class _Answering:
    """One picture's way: received, decoded, scored, put into words."""

    students: Pool
    limits: Limits
    batches: Batches
    decoding: ThreadPoolExecutor
    underway: int = 0

    async def answer(self, request: Request, asked: _Asked) -> Answer:
        # Files that are received and pictures that are decoded take memory, too.
        if self.underway >= 2 * self.limits.waiting:
            raise RefusedError(429, REFUSALS[429])
        self.underway += 1
        try:
            return await self._answer(request, asked)
        finally:
            self.underway -= 1

    async def _answer(self, request: Request, asked: _Asked) -> Answer:
        name = asked.student or self.students.first
        try:
            ready = await asyncio.to_thread(self.students.get, name)
        except UserError as error:
            raise RefusedError(404 if name not in self.students.names() else 503, str(error)) from None
        content = await self._received(request)
        loop = asyncio.get_running_loop()
        try:
            picture = await loop.run_in_executor(
                self.decoding, load_square, content, ready.size, self.limits.memory
            )
        except ImageError as error:
            raise RefusedError(422, str(error)) from None
        try:
            outputs = await self.batches.outputs(ready, picture)
        except QueueFullError:
            raise RefusedError(429, REFUSALS[429]) from None
        if not np.isfinite(outputs).all():
            raise RefusedError(503, "the student's scores are not finite; use another one")
        return await loop.run_in_executor(self.decoding, _in_words, ready, outputs, picture, asked)

    async def _received(self, request: Request) -> bytes:
        most, parts, size = self.limits.file_bytes, [], 0
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise RefusedError(413, f"more than {most:,} bytes")
            parts.append(part)
        return b"".join(parts)


def _in_words(ready: Ready, outputs: np.ndarray, picture: np.ndarray, asked: _Asked) -> Answer:
    classes, thresholds = ready.classes, ready.thresholds
    probabilities = ready.probabilities(outputs)
    own: float | np.ndarray = thresholds if asked.top is None else -np.inf
    choice = Choice(classes, own if asked.threshold is None else asked.threshold, asked.top)
    places = choice.places(probabilities)
    shown = places[:HEAT_LABELS] if asked.heat else []
    heat = ready.heat(picture, shown) if shown else ()
    scores = np.round(probabilities, DECIMALS).tolist()
    return Answer(
        student=ready.name,
        version=ready.version,
        labels=[Label(name=classes[k], score=scores[k]) for k in places],
        scores=dict(zip(classes, scores, strict=True)),
        thresholds=dict(zip(classes, np.round(thresholds, DECIMALS).tolist(), strict=True)),
        heat={classes[k]: _png(one) for k, one in zip(shown, heat, strict=False)},
    )


def _png(heat: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray((255 * heat).astype(np.uint8)).save(buffer, "png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _refused(status: int, detail: str) -> JSONResponse:
    headers = {"Retry-After": "1"} if status in (429, 503) else None
    return JSONResponse({"detail": detail}, status, headers)


async def _look(students: Pool, counts: Counts) -> None:
    """Take what is promoted into use, without a restart."""
    while True:
        await asyncio.sleep(LOOKED_AT)
        for name in await asyncio.to_thread(students.refresh):
            counts.reloads.labels(name).inc()
