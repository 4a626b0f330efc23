"""The server's addresses, without a network between: answers, limits, a promotion meanwhile."""

import asyncio
import io
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Any
from unittest.mock import Mock

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from tests.serving.fake_students import promote
from tests.serving.small_project import keep_counts, make_project
from tests.training.small_world import CLASSES
from wsdkd.cli.main import app as command
from wsdkd.server import app as server
from wsdkd.server import students
from wsdkd.server.app import Limits, make_app
from wsdkd.server.students import Students
from wsdkd.serving.store import Store


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    make_project(root, 6)
    keep_counts(root / "models/good")
    promote(Store(root / "models/promoted"), root / "models/good")
    return root


@pytest.fixture
def project(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    shutil.copytree(made, root)
    monkeypatch.chdir(root)
    return root


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://x") as client,
    ):
        yield client


def with_client(ask: Callable[[httpx.AsyncClient], Awaitable[Any]], app: FastAPI | None = None) -> Any:
    async def run() -> Any:
        async with client_of(make_app(Students("promoted")) if app is None else app) as client:
            return await ask(client)

    return asyncio.run(run())


def picture(project: Path, number: int = 0) -> bytes:
    return (project / f"pictures/{number}.png").read_bytes()


def test_an_answer_is_what_predict_says(project: Path) -> None:
    async def ask(client: httpx.AsyncClient) -> list[Any]:
        answers = await asyncio.gather(
            *(client.post("/predict", content=picture(project, number)) for number in range(6))
        )
        return [answer.json() for answer in answers]

    said = CliRunner().invoke(command, ["predict", "pictures", "--json"])
    expected = json.loads(said.stdout)
    for found, wanted in zip(with_client(ask), expected, strict=True):
        assert [each["name"] for each in found["labels"]] == wanted["labels"]
        assert found["scores"] == pytest.approx(wanted["scores"], abs=1e-5)
        assert (found["student"], found["version"], found["heat"]) == ("promoted", "0001", {})
        given = {name for name in CLASSES if found["scores"][name] > found["thresholds"][name]}
        assert given == set(wanted["labels"])


def test_options_of_a_request(project: Path) -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        async def labels(**options: Any) -> list[str]:
            answer = await client.post("/predict", content=picture(project), params=options)
            assert answer.status_code == 200, answer.text
            return [each["name"] for each in answer.json()["labels"]]

        assert len(await labels(top=2)) == 2
        assert len(await labels(threshold=0)) == 3
        assert await labels(threshold=1) == []
        bad = (await client.post("/predict", content=picture(project), params={"student": "student"})).json()
        assert (bad["student"], bad["version"]) == ("student", None)
        seen = await client.post("/predict", content=picture(project), params={"heat": True, "top": 1})
        ((name, heat),) = seen.json()["heat"].items()
        assert name == seen.json()["labels"][0]["name"]
        content = await asyncio.to_thread(_decoded, heat)
        assert content.ndim == 2
        assert content.max() == 255

    with_client(ask)


def _decoded(url: str) -> np.ndarray:
    import base64

    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))))


def test_what_is_refused(project: Path) -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        for content, options, status, reason in (
            (b"no picture", {}, 422, "not an image of format"),
            (b"", {}, 422, "an empty file"),
            (picture(project)[:-300], {}, 422, "cannot be decoded"),
            (bytes(5001), {}, 413, "more than 5,000 bytes"),
            (picture(project), {"student": "nonsense"}, 404, "no student 'nonsense'; there are: promoted"),
            (picture(project), {"student": "../elsewhere"}, 404, "no student"),
        ):
            answer = await client.post("/predict", content=content, params=options)
            assert (answer.status_code, reason in answer.json()["detail"]) == (status, True), answer.text
        assert (await client.post("/predict", content=b"", params={"threshold": 2})).status_code == 422
        assert (await client.get("/predict")).status_code == 405

    with_client(ask, make_app(Students("promoted"), Limits(file_bytes=5000)))


def test_a_full_queue_turns_away_and_loses_nothing(project: Path) -> None:
    go, sizes = Event(), []

    def slow(student: Any, pictures: Any) -> np.ndarray:
        go.wait(20)
        sizes.append(len(pictures))
        return student.outputs(pictures)

    async def ask(client: httpx.AsyncClient) -> list[int]:
        asked = [asyncio.create_task(client.post("/predict", content=picture(project))) for _ in range(20)]
        while sum(task.done() for task in asked) < 20 - 4 - 2:
            await asyncio.sleep(0.01)
        go.set()
        answers = await asyncio.gather(*asked)
        assert all(answer.headers["Retry-After"] == "1" for answer in answers if answer.status_code == 429)
        told = (await client.get("/metrics")).text
        families = {family.name: family for family in text_string_to_metric_families(told)}
        counted = {
            sample.labels["status"]: sample.value
            for sample in families["wsdkd_answers"].samples
            if sample.name.endswith("_total")
        }
        assert counted == {
            str(status): sum(answer.status_code == status for answer in answers)
            for status in {answer.status_code for answer in answers}
        }
        return [answer.status_code for answer in answers]

    limits = Limits(batch=2, waiting=4)
    statuses = with_client(ask, make_app(Students("promoted"), limits, slow))
    assert set(statuses) == {200, 429}
    assert statuses.count(200) == sum(sizes) in (5, 6)
    assert max(sizes) == 2


def test_a_network_that_fails_is_counted_and_the_next_picture_is_answered(project: Path) -> None:
    asked: list[int] = []

    def once(student: Any, pictures: Any) -> np.ndarray:
        asked.append(len(pictures))
        if len(asked) == 1:
            raise RuntimeError("out of memory")
        return student.outputs(pictures)

    async def ask(client: httpx.AsyncClient) -> str:
        with pytest.raises(RuntimeError, match="out of memory"):
            await client.post("/predict", content=picture(project))
        assert (await client.post("/predict", content=picture(project))).status_code == 200
        return (await client.get("/metrics")).text

    told = with_client(ask, make_app(Students("promoted"), Limits(), once))
    for status in ("500", "200"):
        assert f'wsdkd_answers_total{{status="{status}"}} 1.0' in told


def test_an_answer_that_takes_too_long_is_given_up(project: Path) -> None:
    go = Event()

    def stuck(student: Any, pictures: Any) -> np.ndarray:
        go.wait(20)
        return student.outputs(pictures)

    async def ask(client: httpx.AsyncClient) -> None:
        assert (await client.get("/health")).status_code == 200  # loads the student, which takes its time
        answer = await client.post("/predict", content=picture(project))
        assert answer.status_code == 503
        assert answer.json()["detail"] == "not answered within 0.2 seconds"
        go.set()
        statuses = []
        while 200 not in statuses:
            statuses.append((await client.post("/predict", content=picture(project))).status_code)
            assert len(statuses) < 50

    with_client(ask, make_app(Students("promoted"), Limits(seconds=0.2), stuck))


def test_a_promotion_takes_over_and_no_request_is_lost(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LOOKED_AT", 0.05)

    async def note(client: httpx.AsyncClient, seen: list[str]) -> None:
        """The versions that one client sees, up to the second."""
        while "0002" not in seen:
            answer = await client.post("/predict", content=picture(project))
            assert answer.status_code == 200, answer.text
            seen.append(answer.json()["version"])
            assert len(seen) < 4000

    async def ask(client: httpx.AsyncClient) -> None:
        # Several at once, so that pictures are received, wait and are computed while the student changes.
        versions: list[list[str]] = [[], [], [], []]
        clients = [asyncio.create_task(note(client, seen)) for seen in versions]
        while not all(versions) and not any(each.done() for each in clients):
            await asyncio.sleep(0.01)
        store = Store(project / "models/promoted")
        assert await asyncio.to_thread(promote, store, project / "models/bad") == 2
        await asyncio.gather(*clients)
        for seen in versions:
            assert seen == ["0001"] * (len(seen) - 1) + ["0002"]
        health = (await client.get("/health")).json()
        assert (health["status"], health["version"], health["failures"]) == ("ok", "0002", {})
        assert health["thresholds"].startswith("0.5 (")
        # A version that is damaged does not take over, and is named.
        await asyncio.to_thread(promote, Store(project / "models/promoted"), project / "models/good")
        (project / "models/promoted/versions/0003/model.safetensors").write_bytes(b"damaged")
        for _ in range(600):
            health = (await client.get("/health")).json()
            if health["failures"]:
                break
            await asyncio.sleep(0.1)
        assert health["version"] == "0002"
        assert "0003" in health["failures"]["promoted"]

    with_client(ask)


def test_a_student_that_cannot_be_read_is_told_and_looked_at_again(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Or nothing that is promoted later would ever be taken into use.
    pool = Students("promoted")
    assert pool.get("promoted").version == "0001"
    promote(Store(project / "models/promoted"), project / "models/bad")
    with monkeypatch.context() as broken:
        broken.setattr(students, "load_student", Mock(side_effect=PermissionError(13, "Permission denied")))
        assert pool.refresh() == []
    assert "Permission denied" in pool.failures["promoted"]
    assert pool.get("promoted").version == "0001"
    assert pool.refresh() == ["promoted"]
    assert (pool.get("promoted").version, pool.failures) == ("0002", {})


@pytest.mark.usefixtures("project")
def test_the_page_and_the_description_load_nothing_from_elsewhere() -> None:
    async def ask(client: httpx.AsyncClient) -> None:
        page = await client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert "connect-src 'self'" in page.text
        assert "<option>promoted</option><option>student</option>" in page.text
        assert "http://" not in page.text.replace("http://www.w3.org", "")
        assert "https://" not in page.text
        assert (await client.get("/students")).json() == ["promoted", "student"]
        described = (await client.get("/openapi.json")).json()
        assert set(described["paths"]["/predict"]["post"]["responses"]) >= {"200", "413", "422", "429", "503"}

    with_client(ask)
