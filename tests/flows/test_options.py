"""Options of the commands: those of a flow run are listed once, and read alike."""

from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from flows.options import Retraining, with_options


def _run(*arguments: str) -> tuple[Any, dict[str, Any]]:
    seen: dict[str, Any] = {}

    @with_options
    def main(chosen: Retraining, port: int = 4200) -> None:
        seen.update(chosen=chosen, port=port)

    app = typer.Typer()
    app.command()(main)
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"}), seen


def test_without_options_a_command_has_the_flow_s_own_defaults() -> None:
    result, seen = _run()
    assert result.exit_code == 0
    assert seen == {"chosen": Retraining(), "port": 4200}


def test_options_of_the_run_and_of_the_command() -> None:
    given = "--pull --no-push --commit --no-promote --allow-dirty --update a.dvc --update b.dvc"
    result, seen = _run(*given.split(), "--at-once", "3", "--wait-minutes", "0.5", "--port", "1")
    assert result.exit_code == 0
    assert seen["port"] == 1
    assert seen["chosen"] == Retraining(
        pull=True,
        push=False,
        commit=True,
        promote=False,
        allow_dirty=True,
        update=["a.dvc", "b.dvc"],
        at_once=3,
        wait_minutes=0.5,
    )


@pytest.mark.parametrize("arguments", [("--at-once", "0"), ("--wait-minutes", "-1"), ("--nothing",)])
def test_what_no_run_takes_is_refused_by_name(arguments: tuple[str, ...]) -> None:
    result, seen = _run(*arguments)
    assert (result.exit_code, seen) == (2, {})
    assert arguments[0] in result.output


def test_every_option_of_a_run_is_in_the_help() -> None:
    result, _ = _run("--help")
    for name in Retraining.model_fields:
        assert f"--{name.replace('_', '-')}" in result.output
