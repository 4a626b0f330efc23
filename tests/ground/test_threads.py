"""Threads of torch leave the cores to others while they wait."""

import os
import subprocess
import sys

import pytest

# libgomp, which torch's wheels bring, tells its settings when it is loaded.
TOLD = "OMP_WAIT_POLICY = '{policy}'"


@pytest.mark.parametrize("module", ["wsdkd.student.network", "stages.cache_teacher"])
def test_openmp_knows_before_torch_is_loaded(module: str) -> None:
    assert TOLD.format(policy="PASSIVE") in _loaded(module)


def test_the_users_own_choice_stands() -> None:
    assert TOLD.format(policy="ACTIVE") in _loaded("wsdkd.student.network", OMP_WAIT_POLICY="ACTIVE")


def _loaded(module: str, **variables: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    done = subprocess.run(
        [sys.executable, "-c", f"import {module}"],
        env={**environment, **variables, "OMP_DISPLAY_ENV": "TRUE"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr
