"""The command ``wsdkd promoted``, called as a program and as a person calls it."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.serving.small_project import use_as_student
from wsdkd.cli.main import app
from wsdkd.ground.errors import UserError
from wsdkd.student import run as student_run

ROOT = Path(__file__).parents[2]


IMAGES = Path("data/prepared/images.parquet")


KEYS = [
    *("decision", "version", "reasons", "metric", "candidate", "promoted", "difference", "interval"),
    *("classes", "split_size"),
]


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(app, ["promoted", *arguments])
    if isinstance(result.exception, UserError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def asked(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def consider(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = asked("consider", *arguments)
    assert list(found) == KEYS
    return found


def promote_unmeasured(project: Path, name: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            student_run, "student_scores", lambda _, rows, *__, **___: np.eye(3)[np.arange(len(rows)) % 3]
        )
        use_as_student(project, name)
        consider("--force")
