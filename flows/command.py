"""What ``python -m flows.retrain`` and ``python -m flows.schedule`` have in common."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import typer

from flows.options import Retraining


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
