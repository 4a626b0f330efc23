"""One run at a time in a project, and no lock of a process that has ended."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from flows.locks import BusyError, drop_dead_locks, project_lock
from tests.flows.flow_project import wait_until
from tests.pipeline.clone import ROOT

HOLD = (
    "import sys, time\nfrom pathlib import Path\nfrom flows.locks import project_lock\n"
    "with project_lock('other-run', 0, print, path=Path(sys.argv[1])):\n    time.sleep(300)\n"
)


@pytest.fixture
def holder(tmp_path: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "lock")], cwd=ROOT)
    wait_until(lambda: (tmp_path / "lock").exists() and (tmp_path / "lock").read_text(), 30)
    return process


def test_a_second_run_is_told_of_the_first(tmp_path: Path, holder: subprocess.Popen[bytes]) -> None:
    said: list[str] = []
    with (
        pytest.raises(BusyError, match=rf"other-run \(process {holder.pid}\) works in this project"),
        project_lock("mine", 0.3, said.append, path=tmp_path / "lock"),
    ):
        pass
    assert said == [f"Waiting for flow run other-run (process {holder.pid}), which works in this project."]
    with (
        pytest.raises(BusyError),
        project_lock("mine", 60, said.append, given_up=lambda: True, path=tmp_path / "lock"),
    ):
        pass
    # The lock of a killed process goes with it.
    holder.kill()
    holder.wait()
    with project_lock("mine", 0, said.append, path=tmp_path / "lock"):
        assert (tmp_path / "lock").read_text().startswith("mine (process ")


def test_a_run_may_take_its_own_lock_again(tmp_path: Path) -> None:
    with project_lock("mine", 0, print, path=tmp_path / "lock") as outer:
        with project_lock("mine too", 0, print, path=tmp_path / "lock") as inner:
            assert inner == outer
        assert (tmp_path / "lock").read_text().startswith("mine (process ")


def _table(root: Path, text: str) -> Path:
    table = root / ".dvc/tmp/rwlock"
    table.parent.mkdir(parents=True)
    table.write_text(text)
    return table


def test_locks_of_ended_processes_are_dropped_and_others_kept(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dvc = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)", "dvc"])
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    pids = {"ended": ended.pid, "dvc": dvc.pid, "other": other.pid}
    entries = {name: {"pid": pid, "cmd": "dvc repro"} for name, pid in pids.items()}
    table = _table(
        tmp_path, json.dumps({"write": entries, "read": {"x": [entries["dvc"], entries["ended"]]}})
    )
    try:
        dropped = drop_dead_locks(tmp_path)
    finally:
        for process in (dvc, other):
            process.kill()
            process.wait()
    # A process id that another program has now is no lock, whatever DVC thinks.
    assert [line.partition(":")[0] for line in dropped] == ["ended", "other"]
    assert json.loads(table.read_text())["write"] == {"dvc": entries["dvc"]}
    assert json.loads(table.read_text())["read"] == {"x": [entries["dvc"]]}


@pytest.mark.parametrize("text", ["", '{"write": {"a": ', "[]", '{"write": {"a": {}}}'])
def test_half_a_table_is_removed(tmp_path: Path, text: str) -> None:
    table = _table(tmp_path, text)
    assert drop_dead_locks(tmp_path) == [".dvc/tmp/rwlock: not a whole table of locks; removed"]
    assert not table.exists()
    assert drop_dead_locks(tmp_path) == []
