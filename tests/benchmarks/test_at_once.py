"""Each of the processes does all of the work, and none does another's."""

import os
from pathlib import Path

import pytest

from benchmarks.bench.at_once import at_once
from wsdkd.ground.workers import WORKERS_VARIABLE


def _sign(folder: Path) -> None:
    (folder / f"{os.getpid()}-{len(list(folder.glob(f'{os.getpid()}-*')))}").touch()


def test_each_process_does_all_of_it_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKERS_VARIABLE, "2")
    with at_once(_sign, tmp_path) as call:
        call()
        call()
    signed = sorted(path.name.split("-") for path in tmp_path.iterdir())
    assert [turn for _, turn in signed] == ["0", "1", "0", "1"]
    assert len({process for process, _ in signed} - {str(os.getpid())}) == 2
