"""Which failures of DVC are worth another try: lines that DVC 3.67 printed."""

import pytest

from flows.stage import is_passing, repro_command

BUSY = [
    "ERROR: failed to reproduce 'distill_predictions': 'models/student' is busy, it is being blocked by:",
    "  (PID 4711): dvc repro",
]
LOCKED = [
    "ERROR: Unable to acquire lock. Most likely another DVC process is running or was terminated abruptly.",
]
UNREACHABLE = ['ERROR: unexpected error - Could not connect to the endpoint URL: "http://127.0.0.1:9/x"']
PUSH = ["ERROR: failed to push data to the cloud - 3 files failed to upload"]
STAGE = [
    "Connection timed out, says the stage itself",
    "error: data/scenes/a.jpg: No such file or directory",
    "ERROR: failed to reproduce 'evaluate': failed to run: python -m stages.evaluate, exited with 1",
]
YAML = ["ERROR: 'dvc.yaml' validation failed."]


@pytest.mark.parametrize("lines", [BUSY, LOCKED, UNREACHABLE, PUSH])
def test_locks_and_remotes_may_be_better_the_next_time(lines: list[str]) -> None:
    assert is_passing(lines)


@pytest.mark.parametrize("lines", [STAGE, YAML, [], ["Could not connect"]])
def test_what_a_stage_fails_by_it_would_fail_by_again(lines: list[str]) -> None:
    assert not is_passing(lines)


def test_the_command_by_hand() -> None:
    assert " ".join(repro_command("prepare", pull=True)) == (
        "dvc --wait-for-lock repro --single-item --pull prepare"
    )
