"""What a stage says as it ends early: in its last line, whatever was going on."""

import subprocess
import sys
from pathlib import Path

import pytest

from stages.run import INTERRUPTED

ROOT = Path(__file__).parents[2]
LEAVES_A_LOOP = """
from stages.run import run
from wsdkd.ground.errors import UserError
from wsdkd.ground.progress import track
def main():
    items = track(range(3), "items")
    for _ in items:
        raise {error}
run(main, "prepare")
"""
# The loop is left by an error that is put into other words.
FILLS_THE_DISK = """
import errno, pathlib
from stages.run import run
from wsdkd.ground.files import publish_folder
from wsdkd.ground.progress import track
def main():
    with publish_folder(pathlib.Path("out")) as aside:
        items = track(range(3), "items")
        for _ in items:
            raise OSError(errno.ENOSPC, "No space left on device")
run(main, "prepare")
"""


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        ("UserError('labels.csv: no column image')", 1, "error: labels.csv: no column image"),
        ("KeyboardInterrupt", INTERRUPTED, "interrupted: stage prepare; the next run starts it anew"),
    ],
)
def test_the_message_comes_after_the_bar_of_the_loop_that_was_left(
    tmp_path: Path, error: str, status: int, line: str
) -> None:
    ended = run(LEAVES_A_LOOP.format(error=error), tmp_path)
    assert ended.returncode == status
    assert "items:" in ended.stderr
    assert ended.stderr.splitlines()[-1] == line


def test_so_does_the_message_of_a_full_disk(tmp_path: Path) -> None:
    ended = run(FILLS_THE_DISK, tmp_path)
    assert ended.returncode == 1
    assert "items:" in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("error: out: the disk is full (")


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
