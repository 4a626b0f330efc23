"""No process outlives the one that started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.flows.flow_project import wait_until
from tests.pipeline.clone import ROOT

GUARD = [sys.executable, "-m", "flows.guard"]

# A command as bad as can be: it ignores polite signals, and has a child in a session of its own whose
# parent has died, as torchrun's workers may be.
STUBBORN = """
import os, signal, subprocess, sys, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
folder = sys.argv[1]
sleeper = "import os, time; open(os.sys.argv[1], 'w').write(str(os.getpid())); time.sleep(300)"
subprocess.run(
    [sys.executable, "-c", "import subprocess, sys; subprocess.Popen([sys.executable, '-c', "
     f"{sleeper!r}, {folder + '/orphan'!r}], start_new_session=True)"],
)
open(folder + "/command", "w").write(str(os.getpid()))
time.sleep(300)
"""


def _guarded(*command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*GUARD, *command], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


@pytest.mark.parametrize("status", [0, 3])
def test_output_and_status_are_the_command_s(status: int) -> None:
    with _guarded(sys.executable, "-c", f"import sys; print('said'); sys.exit({status})") as guard:
        assert guard.stdout is not None
        assert guard.stdout.read() == b"said\n"
        assert guard.wait(timeout=30) == status


@pytest.mark.parametrize("how", ["pipe closed", "signal"])
def test_all_that_a_command_started_ends_with_the_guard(how: str, tmp_path: Path) -> None:
    with _guarded(sys.executable, "-c", STUBBORN, str(tmp_path)) as guard:
        found = _started_in(tmp_path)
        started = time.monotonic()
        if how == "signal":
            guard.terminate()
        else:
            assert guard.stdin is not None
            guard.stdin.close()
        assert guard.wait(timeout=20) == 128 + signal.SIGINT
        assert time.monotonic() - started < 10
        assert not any(process.is_running() for process in found)


def test_a_killed_flow_takes_its_commands_with_it(tmp_path: Path) -> None:
    # As the flow does it: the process that holds the pipe is killed, and can do nothing any more.
    command = [*GUARD, sys.executable, "-c", STUBBORN, str(tmp_path)]
    code = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen({command!r}, stdin=subprocess.PIPE)\n"
        "time.sleep(300)\n"
    )
    flow = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    found = _started_in(tmp_path)
    os.kill(flow.pid, signal.SIGKILL)
    flow.wait()
    wait_until(lambda: not any(process.is_running() for process in found), 10)


def _started_in(folder: Path) -> list[psutil.Process]:
    files = [folder / "orphan", folder / "command"]
    wait_until(lambda: all(file.exists() and file.read_text() for file in files), 30)
    return [psutil.Process(int(file.read_text())) for file in files]
