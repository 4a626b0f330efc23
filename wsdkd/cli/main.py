"""The command ``wsdkd``: its commands, of which each loads its own module when it is called."""

import gc
import os
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from wsdkd.ground.errors import FULL, UserError
from wsdkd.ground.failures import DEBUG_VARIABLE, tell
from wsdkd.ground.loading import nothing_collected

COMMANDS = {
    "init": "Begin a project in a folder of its own.",
    "profile": "Choose and check the parameters of a run.",
    "data": "Look at the prepared dataset: classes, splits, copies, and what is in doubt.",
    "cache": "The teacher's cached outputs.",
    "show": "Look at the results of the last evaluation, and at the regions that the teacher sees.",
    "labels": "Look at labels that are likely wrong or missing, and accept or refuse each by a key.",
    "promoted": "The student in use, and those before it.",
    "predict": "Label pictures.",
    "serve": "Label pictures for other programs, and on a page to try a student.",
    "export": "Write a student as an ONNX file.",
}
"""In the order in which help lists them. Each is ``app`` in the module of its name beside this one."""


class Commands(TyperGroup):
    """The commands by their lines in :data:`COMMANDS`, so that help and completion load nothing else."""

    def __init__(self, **attributes: Any):
        super().__init__(**attributes)
        for name, line in COMMANDS.items():
            self.add_command(TyperCommand(name, help=line))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is called: its module is loaded here."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            with nothing_collected():
                command = typer.main.get_command(import_module(f"wsdkd.cli.{name}").app)
        return name, command, rest


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # takes a tenth of the time that help may take

        typer.echo(f"wsdkd {version('wsdkd')}")
        raise typer.Exit


@app.callback()
def options(
    shows_version: Annotated[  # noqa: ARG001, its callback acts
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help=f"Show where an error comes from; so does {DEBUG_VARIABLE}=1.")
    ] = False,
) -> None:
    """Multi-label image classification by distillation from weakly-supervised detection."""
    if debug:
        os.environ[DEBUG_VARIABLE] = "1"  # seen by processes that the command starts, too


def main() -> None:
    """Run the command; what the user can put right is one line and status 1, without a traceback."""
    try:
        app()
    except OSError as error:
        # Files are named where they are written; what remains is standard output.
        full = FULL.get(error.errno or 0) if error.filename is None else None
        tell(error if full is None else UserError(f"standard output: {full}"), traceback_of_defect=False)
        sys.exit(1)
    except Exception as error:
        tell(error, traceback_of_defect=False)
        sys.exit(1)
    finally:
        gc.freeze()  # the process ends here, and would first look for garbage: see wsdkd.ground.loading
