"""The command ``wsdkd``."""

import sys

import typer

from wsdkd.cli import cache, export, predict, profile, promoted, show
from wsdkd.ground.errors import UserError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Multi-label image classification by distillation from weakly-supervised detection.",
)
app.add_typer(profile.app, name="profile")
app.add_typer(cache.app, name="cache")
app.add_typer(promoted.app, name="promoted")
app.add_typer(show.app, name="show")
app.command("predict")(predict.predict)
app.command("export")(export.export)


def main() -> None:
    """Run the command; what the user can put right is one line and status 1, without a traceback."""
    try:
        app()
    except UserError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)
