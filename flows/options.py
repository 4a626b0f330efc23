"""What a flow run may be told: by hand, by a schedule, by a work pool; and as options of our commands."""

import functools
import inspect
import os
from collections.abc import Callable
from typing import Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict, Field


class Retraining(BaseModel):
    """Options of a flow run; each is an option of the commands, too.

    Attributes:
        pull: fetch what is missing from the DVC remote where that spares a stage.
        push: upload what the run produced, where the project has a default remote.
        commit: leave dvc.lock and the metrics on a branch of the run's own.
        promote: let a student that is better take the promoted one's place.
        allow_dirty: run although files differ from the commit.
        update: .dvc files of imported data to be brought up to date first.
        at_once: stages that run at the same time; by default one for every two CPUs.
        wait_minutes: how long to wait for another run in this project before this one is cancelled.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pull: Annotated[bool, typer.Option("--pull", help="Fetch what is missing from the DVC remote.")] = False
    push: Annotated[
        bool, typer.Option("--push/--no-push", help="Upload to the default remote, if there is one.")
    ] = True
    commit: Annotated[
        bool, typer.Option("--commit", help="Commit dvc.lock and metrics on a branch of the run.")
    ] = False
    promote: Annotated[
        bool, typer.Option("--promote/--no-promote", help="Promote the student if it is better.")
    ] = True
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="Run although files are not committed.")
    ] = False
    update: Annotated[
        list[str], typer.Option(metavar="FILE.dvc", help="Update imported data first; may be repeated.")
    ] = []
    at_once: Annotated[
        int | None, Field(ge=1), typer.Option(min=1, help="Stages at the same time; default: CPUs / 2.")
    ] = None
    wait_minutes: Annotated[
        float, Field(ge=0), typer.Option(min=0, help="How long to wait for another run here.")
    ] = 1440.0

    def stages_at_once(self) -> int:
        """How many stages may run at the same time."""
        return self.at_once or max(1, (os.cpu_count() or 1) // 2)


def with_options(main: Callable[..., None]) -> Callable[..., None]:
    """A command for typer: ``main``'s own options, and those of a flow run as its argument ``chosen``.

    Typer reads options from a signature, so the fields of :class:`Retraining` are put into one.
    """
    own = [each for each in inspect.signature(main).parameters.values() if each.name != "chosen"]
    fields = inspect.get_annotations(Retraining)
    runs = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=fields[name]
        )
        for name, field in Retraining.model_fields.items()
    ]

    @functools.wraps(main)
    def command(**given: Any) -> None:
        chosen = Retraining(**{name: given.pop(name) for name in Retraining.model_fields})
        main(chosen=chosen, **given)

    parameters = [*own, *runs]
    described: Any = command
    described.__signature__ = inspect.Signature(parameters)
    described.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


def say(line: str) -> None:
    """Tell the user a line, beside what Prefect logs."""
    typer.echo(line, err=True)
