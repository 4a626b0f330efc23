import os
import subprocess
import sys
from pathlib import Path

import pytest

from stages.run import run
from wsdkd.ground.errors import UserError
from wsdkd.settings.sections import ParamsError

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working copy, where the stage finds its lock."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fail(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("megabytes", "unloaded"), [(150, ""), (400, "libtorch_cpu.so: failed to map segment")]
)
def test_without_memory_for_its_libraries_a_stage_says_so(megabytes: int, unloaded: str) -> None:
    limited = f'ulimit -v {megabytes * 1000} && exec "$0" -m stages.train_teacher'
    done = subprocess.run(
        ["sh", "-c", limited, sys.executable],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: there is not enough memory (")
    assert unloaded in done.stderr
    assert done.stderr.endswith(
        f"`ulimit -v` of {megabytes * 1024000:,} bytes limits this process: raise it\n"
    )
    assert len(done.stderr.splitlines()) == 1


def test_a_stage_that_ends_well_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    run(lambda: None, "prepare")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UserError("labels.csv: an empty file"), "error: labels.csv: an empty file\n"),
        (ParamsError("params.yaml: a: missing"), "error: params.yaml: a: missing\n"),
        (FileNotFoundError(2, "No such file", "a.txt"), "error: a.txt: No such file\n"),
    ],
)
def test_what_a_user_can_put_right_is_a_line_and_status_1(
    error: Exception, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(lambda: fail(error), "prepare")
    assert ended.value.code == 1
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("error", [ValueError("shapes differ"), KeyError("a")])
def test_a_defect_keeps_its_traceback(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(lambda: fail(error), "prepare")
    assert ended.value.code == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert any("in fail" in line for line in lines)
    assert lines[-1].startswith("error: ")
