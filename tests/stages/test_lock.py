"""One process a stage and working copy, and how an interrupted stage ends; with stages that really run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STAGE = [sys.executable, "-m", "stages.draw_scenes"]
LOCK = "data/.resume/draw_scenes.lock"
# It takes the lock, gives its place to another program as torchrun does, and that one lives on.
REPLACED = """
import os, sys
from stages.run import hold
hold("draw_scenes")
os.execv(sys.executable, [sys.executable, "-c", "import time; print('replaced', flush=True); time.sleep(60)"])
"""
# A worker outlives the process that forked it.
FORKING = """
import os, sys, time
from stages.run import hold
hold("draw_scenes")
child = os.fork()
if child:
    print(child, flush=True)
time.sleep(60)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A working copy whose stage draw_scenes takes minutes."""
    text = (ROOT / "profiles/scenes-smoke.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text.replace("train_images: 48", "train_images: 100000"))
    return tmp_path


@pytest.fixture
def running(project: Path) -> Iterator[subprocess.Popen[str]]:
    """That stage, at work."""
    process = start(project, STAGE)
    wait_for(lambda: any((project / "data").glob(".scenes.*.part/**/*.jpg")))
    yield process
    end(process)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_second_process_is_refused_until_the_first_has_ended(
    project: Path, running: subprocess.Popen[str], how: signal.Signals
) -> None:
    second = subprocess.run(
        STAGE, cwd=project, env=environment(), capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert second.stderr == (
        f"error: {LOCK}: stage draw_scenes already runs in this working copy, as process {running.pid}; "
        f"wait for it, or stop it: kill {running.pid}\n"
    )
    assert running.poll() is None
    running.send_signal(how)
    _, errors = running.communicate(timeout=120)
    if how is signal.SIGINT:
        assert running.returncode == 130
        assert errors.splitlines()[-1] == "interrupted: stage draw_scenes; the next run starts it anew"
        assert "Traceback" not in errors
    third = start(project, STAGE)
    wait_for(lambda: (project / LOCK).read_text() == f"{third.pid}\n")
    end(third)


def test_the_lock_stays_when_another_program_takes_the_place_of_the_process(project: Path) -> None:
    launcher = start(project, [sys.executable, "-c", REPLACED])
    assert launcher.stdout is not None
    assert launcher.stdout.readline() == "replaced\n"
    assert f"as process {launcher.pid}" in refusal(project)
    # The processes that it starts have this variable, and are let through.
    inner = start(project, STAGE, WORLD_SIZE="2")
    wait_for(lambda: any((project / "data").glob(".scenes.*.part/**/*.jpg")))
    end(inner)
    end(launcher)


def test_a_worker_that_was_left_behind_does_not_keep_the_lock(project: Path) -> None:
    parent = start(project, [sys.executable, "-c", FORKING])
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        assert f"as process {parent.pid}" in refusal(project)
        parent.kill()
        parent.wait()
        after = start(project, STAGE)
        wait_for(lambda: (project / LOCK).read_text() == f"{after.pid}\n")
        end(after)
    finally:
        os.kill(child, signal.SIGKILL)
        end(parent)


def refusal(project: Path) -> str:
    done = subprocess.run(STAGE, cwd=project, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr


def start(project: Path, command: list[str], **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=project,
        env={**environment(), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "WSDKD_WORKERS": "1"}


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within 30 s")
