"""How a suite's command ends."""

import sys
from collections.abc import Callable

import typer

from wsdkd.ground.errors import UserError


def run(main: Callable[..., None]) -> None:
    """Run ``main`` with the arguments given; status 1 after ``error: ...`` for a :class:`UserError`."""
    try:
        typer.run(main)
    except UserError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)
