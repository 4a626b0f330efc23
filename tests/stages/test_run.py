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
    ended = subprocess.run(
        [sys.executable, "-c", LEAVES_A_LOOP.format(error=error)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == status
    assert "items:" in ended.stderr
    assert ended.stderr.splitlines()[-1] == line
