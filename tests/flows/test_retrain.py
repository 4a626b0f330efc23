"""The flow, run for real: a server, DVC, the smoke profile, processes that are killed."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.flow_project import PATIENCE, FlowProject, Server, logged, logs, span, wait_until
from tests.pipeline.clone import make_clone
from tests.pipeline.graph import DRAWN, RUN

AFTER_FIRST = pytest.mark.usefixtures("first")


ENDED_WITHIN = 10.0


SIGNALS = {"interrupted": signal.SIGINT, "terminated": signal.SIGTERM, "killed": signal.SIGKILL}


TEMPERATURE = 1.0


pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, server: Server) -> FlowProject:
    return FlowProject(make_clone(tmp_path_factory.mktemp("flow") / "project"), server)


@pytest.fixture(autouse=True)
def _nothing_left_behind(project: FlowProject) -> Iterator[None]:
    """A test that fails must not make the others fail, too."""
    yield
    for process in project.processes():
        process.kill()
    (project.root / "stray.txt").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def first(project: FlowProject) -> dict[str, Any]:
    """The first run, in which all is new."""
    return project.run("--at-once", "2")


def _of_stages(states: dict[str, str], did: str) -> set[str]:
    return {name for name, state in states.items() if state == did and name in RUN}


def test_the_first_run_has_a_task_for_each_stage_of_dvc(project: FlowProject, first: dict[str, Any]) -> None:
    states = project.server.states(first["id"])
    assert states == {**dict.fromkeys(RUN, "Ran"), "promote": "Promoted"}
    assert first["state_name"] == "Completed"
    assert project.clone.changed() == set()


def test_stages_keep_their_order_and_independent_ones_run_together(
    project: FlowProject, first: dict[str, Any]
) -> None:
    tasks = project.server.tasks(first["id"])
    # From the server's times of the states, which no code of ours has written.
    spans = {name: span(tasks[name]) for name in RUN}
    for before, after in (
        ("code", DRAWN),
        (DRAWN, "prepare"),
        ("prepare", "propose"),
        ("propose", "train_teacher"),
        ("train_teacher", "cache_teacher"),
        ("cache_teacher", "distill_features"),
        ("distill_features", "distill_predictions"),
        ("distill_predictions", "evaluate"),
        ("train_baseline", "evaluate"),
    ):
        assert spans[before][1] <= spans[after][1]
        assert logged(project.server, tasks[before], -1) <= logged(project.server, tasks[after], 0)
    baseline = (logged(project.server, tasks["train_baseline"], 0), spans["train_baseline"][1])
    others = [
        (logged(project.server, tasks[name], 0), spans[name][1])
        for name in ("propose", "train_teacher", "cache_teacher")
    ]
    assert any(start < baseline[1] and baseline[0] < end for start, end in others)


def test_tasks_show_lines_duration_and_the_command_by_hand(
    project: FlowProject, first: dict[str, Any]
) -> None:
    task = project.server.tasks(first["id"])["train_teacher"]
    command = "dvc --wait-for-lock repro --single-item train_teacher"
    assert command in task["state"]["message"]
    lines = [each["message"] for each in logs(project.server, task)]
    assert "> python -m stages.train_teacher" in lines
    assert any(line.startswith("teacher: 100%") for line in lines)
    assert float(task["state"]["message"].split()[0]) > 1.0


def test_the_run_carries_artifacts(project: FlowProject, first: dict[str, Any]) -> None:
    artifacts = project.server.artifacts(first["id"])
    expected = {"stages", "metrics", "promotion", "report", "picture-examples", "picture-gain-per-class"}
    assert expected <= set(artifacts)
    assert (project.clone.root / "reports/report.html").as_uri() in artifacts["report"]["data"]
    assert all(f'"{name}"' in artifacts["stages"]["data"] for name in RUN)
    assert '"mAP"' in artifacts["metrics"]["data"]
    assert artifacts["picture-examples"]["data"].startswith("data:image/jpeg;base64,")
    head = project.clone.git("rev-parse", "HEAD").strip()
    assert head in artifacts["stages"]["description"]


@AFTER_FIRST
def test_an_unchanged_run_costs_little_more_than_dvc_status(project: FlowProject) -> None:
    added = []
    for _ in range(2):  # other tests run beside this one
        started = time.monotonic()
        project.clone.changed()
        between = time.monotonic()
        run = project.run()
        added.append((time.monotonic() - between) - (between - started))
    assert min(added) < 10
    expected = {**dict.fromkeys(RUN, "Unchanged"), "promote": "Unchanged"}
    assert project.server.states(run["id"]) == expected


@AFTER_FIRST
def test_of_two_runs_at_once_one_waits_or_is_cancelled(project: FlowProject) -> None:
    project.set("distill_predictions.temperature=4.0")
    process = project.start("--no-promote")
    wait_until(lambda: project.is_running("distill_predictions"))
    running = project.newest()
    waiting = project.start("--no-promote")
    cancelled = project.run("--no-promote", "--wait-minutes", "0", status=2)
    assert cancelled["state_name"] == "Cancelled"
    assert running["name"] in cancelled["state"]["message"]
    for each in (process, waiting):
        output, _ = each.communicate(timeout=PATIENCE)
        assert each.returncode == 0, output
    assert f"Waiting for flow run {running['name']}" in output
    assert _of_stages(project.server.states(running["id"]), "Ran") == {"distill_predictions", "evaluate"}
    assert output.count("Finished in state Unchanged") == len(RUN)


@AFTER_FIRST
def test_a_lock_of_dvc_is_waited_for_and_what_ran_before_is_restored(project: FlowProject) -> None:
    # DVC believes in a process that exists and holds the output.
    holder = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "dvc"])
    output = project.root / "models/student"
    (project.root / ".dvc/tmp/rwlock").write_text(
        f'{{"write": {{"{output}": {{"pid": {holder.pid}, "cmd": "dvc repro"}}}}, "read": {{}}}}'
    )
    project.set(f"distill_predictions.temperature={TEMPERATURE}")
    process = project.start("--no-promote")
    try:
        wait_until(lambda: _task(project, "distill_predictions").get("state_name") == "AwaitingRetry")
    finally:
        holder.kill()
        holder.wait()
    output_of_run, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output_of_run
    task = _task(project, "distill_predictions")
    assert (task["state_name"], task["run_count"]) == ("Restored", 2)


@AFTER_FIRST
def test_what_a_remote_has_is_pulled(project: FlowProject, tmp_path: Path) -> None:
    clone = project.clone
    clone.dvc("remote", "add", "--local", "--default", "shared", str(tmp_path / "remote"))
    try:
        run = project.run()
        assert project.server.states(run["id"])["push"] == "Completed"
        assert list((tmp_path / "remote/files/md5").iterdir())
        _remove(clone.root / "models/student")
        _remove(clone.root / ".dvc/cache")
        states = project.states("--pull", "--no-promote", "--no-push")
        assert states["distill_predictions"] == "Pulled"
        assert (clone.root / "models/student/model.safetensors").exists()
        assert _of_stages(states, "Ran") <= {"evaluate"}
        clone.dvc("pull")
    finally:
        clone.dvc("remote", "remove", "--local", "shared")


@AFTER_FIRST
def test_a_failing_stage_is_not_retried_and_tells_why(project: FlowProject) -> None:
    stage = project.root / "stages/evaluate.py"
    whole = stage.read_text()
    stage.write_text(
        whole.replace("def main() -> None:\n", "def main() -> None:\n    raise OSError(5, 'No', 'x.h5')\n")
    )
    project.clone.git("commit", "--quiet", "--all", "-m", "Break")
    try:
        run = project.run(status=1)
    finally:
        stage.write_text(whole)
        project.clone.git("commit", "--quiet", "--all", "-m", "Mend")
    task = project.server.tasks(run["id"])["evaluate"]
    assert (task["state_name"], task["run_count"]) == ("Failed", 1)
    assert "error: x.h5: No" in task["state"]["message"]
    assert "evaluate" in run["state"]["message"]
    assert run["state_name"] == "Failed"
    assert "stages" in project.server.artifacts(run["id"])


def test_a_dirty_tree_is_refused_without_a_traceback(project: FlowProject) -> None:
    (project.root / "stray.txt").write_text("not committed")
    refused = project.run(status=1)
    assert refused["state"]["message"].startswith("not committed: stray.txt; a run must be traceable")
    logged_lines = project.server.logs(refused["id"])
    assert not [line for line in logged_lines if "Traceback" in line or "xception" in line]


@AFTER_FIRST
def test_a_dirty_tree_is_used_where_that_is_allowed(project: FlowProject) -> None:
    clone = project.clone
    (clone.root / "stray.txt").write_text("not committed")
    refused = project.run("--commit", "--allow-dirty", status=1)
    assert "stray.txt" in refused["state"]["message"]
    assert project.run("--allow-dirty", "--no-promote")["state_name"] == "Completed"
    (clone.root / "stray.txt").unlink()


@AFTER_FIRST
def test_a_run_may_update_imported_data_and_be_committed(project: FlowProject, tmp_path: Path) -> None:
    clone, source = project.clone, tmp_path / "source.txt"
    source.write_text("old")
    clone.dvc("import-url", str(source), "imported.txt")
    clone.git("add", "imported.txt.dvc", ".gitignore")
    clone.git("commit", "--quiet", "-m", "Import")
    source.write_text("newer")
    head, lock = clone.git("rev-parse", "HEAD"), (clone.root / "dvc.lock").read_text()
    run = project.run("--commit", "--no-promote", "--update", "imported.txt.dvc")
    assert (clone.root / "imported.txt").read_text() == "newer"
    assert "imported.txt.dvc" not in project.server.states(run["id"])
    branch = f"retrain/{run['name']}"
    assert clone.git("diff", "--name-only", "HEAD", branch).split() == [
        "dvc.lock",
        "imported.txt.dvc",
        "reports/metrics.json",
    ]
    assert clone.git("show", f"{branch}:dvc.lock") == lock
    assert clone.git("rev-parse", f"{branch}~1") == clone.git("rev-parse", "HEAD") == head
    assert clone.git("status", "--porcelain").splitlines() == [" M imported.txt.dvc", "?? dvc.lock"]
    clone.git("commit", "--quiet", "--all", "-m", "Update")


@pytest.mark.parametrize("how", ["cancelled", "interrupted", "terminated", "killed"])
@AFTER_FIRST
def test_an_ended_run_leaves_no_process_and_the_next_goes_on(project: FlowProject, how: str) -> None:
    project.set(f"distill_predictions.temperature={10.0 + len(how)}")
    process = project.start("--no-promote")
    wait_until(lambda: project.is_running("distill_predictions"))
    time.sleep(1)
    started = time.monotonic()
    if how == "cancelled":
        project.server.cancel(project.newest()["id"])
    else:
        process.send_signal(SIGNALS[how])
    wait_until(lambda: not _of_dvc(project), ENDED_WITHIN)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode not in (0, 1, 255), output
    if how == "cancelled":
        assert (project.newest()["state_name"], process.returncode) == ("Cancelled", 2)
    elif how != "killed":
        assert project.newest()["state_name"] == "Crashed"
    wait_until(lambda: not project.processes(), ENDED_WITHIN)
    assert time.monotonic() - started < 2 * ENDED_WITHIN
    # The next run goes on from what there was, or from the very stage that was ended.
    if how == "killed":
        assert _of_stages(project.states("--no-promote"), "Ran") == {"distill_predictions", "evaluate"}
    else:
        project.set(f"distill_predictions.temperature={TEMPERATURE}")
        assert _of_stages(project.states("--no-promote"), "Ran") <= {"evaluate"}
    assert project.clone.changed() == set()


def _of_dvc(project: FlowProject) -> list[str]:
    words = ("stages.", "dvc", "flows.guard")
    return [line for line in project.commands() if any(word in line for word in words)]


def _task(project: FlowProject, name: str) -> dict[str, Any]:
    return project.server.tasks(project.newest()["id"]).get(name, {})


def _remove(path: Path) -> None:
    # DVC's links are read-only.
    subprocess.run(["chmod", "-R", "u+w", str(path)], check=True)
    subprocess.run(["rm", "-r", str(path)], check=True)
