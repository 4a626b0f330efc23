"""The command ``wsdkd predict``, called in this process."""

from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from wsdkd.cli.main import app
from wsdkd.ground.errors import UserError

PICTURES = 6


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, ["predict", *map(str, arguments)])
    if isinstance(result.exception, UserError):
        raise result.exception
    return result
