"""A schedule that fires, outlives server and process, and retrains what a new photograph concerns."""

import itertools
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from ruamel.yaml import YAML

from tests.flows.conftest import free_port
from tests.flows.flow_project import FlowProject, Server, prefect_server, wait_until
from tests.pipeline.clone import Clone, make_clone
from tests.pipeline.graph import DRAWN
from tests.pipeline.test_reruns import LAYOUT

INTERVAL = "20"  # seconds; runs that come due much faster than they end would pile up in the server
DONE = ("Completed", "Failed", "Crashed", "Cancelled")


pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory, smoke: Clone) -> Iterator[Clone]:
    """The smoke profile's results, with the scenes as a folder of the user's own, read as COCO."""
    clone = make_clone(tmp_path_factory.mktemp("scheduled") / "project")
    for part in ("data", "models", "reports", ".dvc/cache"):
        shutil.copytree(smoke.root / part, clone.root / part)
    shutil.copy(smoke.root.parent / "dvc.lock", clone.root / "dvc.lock")
    shutil.copytree(clone.root / "data/scenes", clone.root / "raw")
    subprocess.run(["chmod", "-R", "u+w", str(clone.root)], check=True)
    params = clone.root / "params.yaml"
    data = YAML(typ="safe", pure=True).load(params.read_text())
    data["dataset"] = {"format": "coco", "root": "raw", "draw": [], "listed": {}, **LAYOUT}
    params.write_text(json.dumps(data))
    (clone.root / ".gitignore").write_text((clone.root / ".gitignore").read_text() + "/raw/\n")
    clone.git("commit", "--quiet", "--all", "-m", "Read a folder of our own")
    assert clone.repro() == {"prepare"}
    yield clone
    # A test that fails leaves a schedule that goes on.
    for process in FlowProject(clone, Server("")).processes():
        process.kill()


def test_a_schedule_fires_and_outlives_server_and_process(clone: Clone, tmp_path: Path) -> None:
    home, port = tmp_path / "prefect", free_port()
    with prefect_server(home, port) as server:
        project = FlowProject(clone, server)
        serving = _serve(project)
        first = _wait_for_run(server, 0)
        assert set(server.states(first["id"]).values()) <= {"Unchanged", "Promoted"}
        assert first["deployment_id"]
    # The server is gone for a while; then it comes back with the schedule that it kept.
    time.sleep(3)
    with prefect_server(home, port) as server:
        assert serving.poll() is None
        seen = len(_ended(server))
        _wait_for_run(server, seen)
        # The process that serves is ended in the middle of a run, and takes the run with it.
        _add_photograph(clone)
        wait_until(lambda: any("-m stages." in line for line in project.commands()))
        _end(serving, signal.SIGINT)
        wait_until(lambda: not project.processes(), 10)
        ended = _ended(server)[0]
        assert ended["state_name"] in ("Cancelled", "Crashed")
        assert not server.find("flow_runs", flow_runs={"state": {"type": {"any_": ["RUNNING", "PENDING"]}}})
        # Another process takes its place: the schedule was never paused.
        (deployment,) = server.find("deployments")
        assert not deployment["paused"]
        assert [each["active"] for each in deployment["schedules"]] == [True]
        serving = _serve(project)
        try:
            wait_until(lambda: _with_state(server, "evaluate", "Ran"), every=1)
            run = _with_state(server, "evaluate", "Ran")[0]
            wait_until(lambda: server.flow_run(run["id"])["state_name"] == "Completed", every=1)
        finally:
            _end(serving, signal.SIGTERM)
        states = server.states(run["id"])
        ran = {
            name for each in (ended, run) for name, did in server.states(each["id"]).items() if did == "Ran"
        }
        assert DRAWN not in states
        assert ran == set(states) - {"code", "promote", "push"}
        assert len(ran) == 8
        _assert_no_two_on_the_gpu(server, run)
        _assert_no_overlap(server)
    assert not project.processes()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_make_serve_ends_all_that_it_started_however_it_ends(how: signal.Signals, tmp_path: Path) -> None:
    clone, port = make_clone(tmp_path / "project"), free_port()
    project = FlowProject(clone, Server(f"http://127.0.0.1:{port}/api"))
    # The environment is this one: its target counts as done.
    command = ["make", "--old-file=.venv/.installed-flow", "serve", f"PORT={port}"]
    environment = {name: value for name, value in clone.environment().items() if name != "PREFECT_API_URL"}
    make = subprocess.Popen(command, cwd=clone.root, env=environment, stdin=subprocess.DEVNULL)
    try:
        wait_until((clone.root / ".prefect/server.url").exists, every=0.5)
        wait_until(lambda: project.server.find("deployments"), every=0.5)
        make.send_signal(how)
        make.wait(timeout=30)
        wait_until(lambda: not project.processes(), 60)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{project.server.url}/health")
    finally:
        for process in project.processes():
            process.kill()


def _end(serving: subprocess.Popen[bytes], number: signal.Signals) -> None:
    serving.send_signal(number)
    assert serving.wait(timeout=30) == 0


def _serve(project: FlowProject) -> subprocess.Popen[bytes]:
    """Serve a schedule on a machine that is said to have one GPU."""
    log = (project.root.parent / "serving.log").open("ab")
    with log:
        return subprocess.Popen(
            [sys.executable, "-m", "flows.schedule", "--interval", INTERVAL, "--at-once", "2"],
            cwd=project.root,
            env=project.environment(WSDKD_GPUS="1"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _ended(server: Server) -> list[dict[str, Any]]:
    runs = server.find("flow_runs", sort="START_TIME_DESC")
    return [run for run in runs if run["state_name"] in DONE]


def _wait_for_run(server: Server, seen: int) -> dict[str, Any]:
    """The newest completed run, once there are more than ``seen``."""
    wait_until(lambda: len(_ended(server)) > seen, every=0.5)
    run = _ended(server)[0]
    assert run["state_name"] == "Completed", run["state"]
    return run


def _with_state(server: Server, task: str, state: str) -> list[dict[str, Any]]:
    try:
        found = server.find(
            "task_runs", task_runs={"name": {"any_": [task]}, "state": {"name": {"any_": [state]}}}
        )
    except httpx.HTTPError:
        return []
    return [server.flow_run(each["flow_run_id"]) for each in found]


def _add_photograph(clone: Clone) -> None:
    annotations = clone.root / "raw" / LAYOUT["train_annotations"]
    data = json.loads(annotations.read_text())
    pictures = clone.root / "raw" / LAYOUT["train_images"]
    with Image.open(pictures / data["images"][0]["file_name"]) as opened:
        opened.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(pictures / "added.jpg")
    image, annotation = (10**9 + max(row["id"] for row in data[kind]) for kind in ("images", "annotations"))
    data["images"].append({**data["images"][0], "id": image, "file_name": "added.jpg"})
    data["annotations"].append({**data["annotations"][0], "id": annotation, "image_id": image})
    annotations.write_text(json.dumps(data))


def _assert_no_two_on_the_gpu(server: Server, run: dict[str, Any]) -> None:
    """Baseline and teacher could run at once, but for the one GPU that this machine is said to have."""
    (limit,) = (each for each in server.find("v2/concurrency_limits") if each["name"].startswith("gpu-"))
    assert limit["limit"] == 1
    spans = []
    tasks = server.tasks(run["id"])
    for name in ("train_baseline", "train_teacher", "cache_teacher", "distill_features"):
        task = tasks[name]
        if task["state_name"] != "Ran":
            continue
        # Before this line, it may have said that it waits for the GPU.
        lines = server.find("logs", logs={"task_run_id": {"any_": [task["id"]]}}, sort="TIMESTAMP_ASC")
        started = next(line for line in lines if line["message"].startswith("Running stage"))
        spans.append((started["timestamp"], task["end_time"]))
    spans = sorted((datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in spans)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def _assert_no_overlap(server: Server) -> None:
    runs = [run for run in server.find("flow_runs") if run["start_time"] and run["end_time"]]
    spans = sorted((run["start_time"], run["end_time"]) for run in runs)
    assert len(spans) > 2
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


@pytest.mark.parametrize(
    ("arguments", "refused"),
    [
        ([], "one of --cron and --interval"),
        (["--cron", "0 2 * * *", "--interval", "60"], "one of --cron and --interval"),
        (["--cron", "at two"], '--cron "at two": not five fields'),
    ],
)
def test_a_schedule_that_says_no_time_is_refused(arguments: list[str], refused: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "flows.schedule", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert refused in done.stderr
