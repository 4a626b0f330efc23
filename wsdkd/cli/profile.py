"""``wsdkd profile``: choose a parameter file, check it, look at it."""

import io
from pathlib import Path
from typing import Annotated, Any

import typer
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.representer import RoundTripRepresenter

from wsdkd.cli.places import require_project
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file
from wsdkd.profiles import KINDS, load_profile, parse_profile
from wsdkd.settings.sections import PARAMS_FILE, ParamsError, parse_params

PROFILES = Path("profiles")

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Choose and check the parameters of a run."
)

Name = Annotated[str, typer.Argument(help="A profile under profiles/, or the path of a YAML file.")]


@app.command("use")
def use(
    name: Name,
    changes: Annotated[
        list[str], typer.Option("--set", metavar="SECTION.KEY=VALUE", help="Change a parameter; repeatable.")
    ] = [],  # noqa: B006, typer copies it
) -> None:
    """Make a profile the active params.yaml, with its comments and with the changes asked for."""
    source = _find(name)
    text = customised(source.read_text(encoding="utf-8"), changes, source)
    with publish_file(PARAMS_FILE) as aside:
        aside.write_text(text, encoding="utf-8")
    typer.echo(f"{PARAMS_FILE} is now {source}" + "".join(f", {change}" for change in changes))
    typer.echo("next: dvc repro")


@app.command("check")
def check() -> None:
    """Validate every profile and the active params.yaml."""
    paths = [*sorted(PROFILES.glob("*.yaml")), *([PARAMS_FILE] if PARAMS_FILE.exists() else [])]
    if not paths:
        raise UserError(f"neither {PROFILES}/*.yaml nor {PARAMS_FILE} here; go to the project's folder")
    refused: list[str] = []
    for path in paths:
        try:
            load_profile(path)
            typer.echo(f"{path}: ok")
        except ParamsError as error:
            refused += str(error).splitlines()
    if refused:
        raise ParamsError("\n".join(refused))


@app.command("list")
def list_profiles() -> None:
    """List the profiles with the first line of each."""
    require_project()
    for path in sorted(PROFILES.glob("*.yaml")):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        typer.echo(f"{path.stem:<14} {first.removeprefix('#').strip()}")


@app.command("show")
def show(name: Name) -> None:
    """Print a profile."""
    typer.echo(_find(name).read_text(encoding="utf-8"), nl=False)


def customised(text: str, changes: list[str], source: Path) -> str:
    """The text of a profile with ``changes`` made; comments and order stay.

    Args:
        text: of the profile.
        changes: each ``section.key=value`` (or ``section.key.key=value``), the value written as in YAML.
        source: named in messages.

    Raises:
        ParamsError: a change is not of that form, or the outcome is refused.
    """
    if changes:
        yaml = YAML()
        yaml.Representer = _Representer
        yaml.preserve_quotes = True
        yaml.width = 110
        data = yaml.load(text)
        for change in changes:
            _apply(data, change)
        buffer = io.StringIO()
        yaml.dump(data, buffer)
        text = buffer.getvalue()
    parse_profile(parse_params(text, source), source)
    return text


class _Representer(RoundTripRepresenter):
    """Writes null as null; the default leaves the place after the key empty."""


_Representer.add_representer(
    type(None), lambda representer, _: representer.represent_scalar("tag:yaml.org,2002:null", "null")
)


def _apply(data: Any, change: str) -> None:
    key, sign, text = change.partition("=")
    steps = key.strip().split(".")
    if not sign or len(steps) < 2 or not all(steps):
        raise ParamsError(f"--set {change}: expected section.key=value")
    if steps[0] not in KINDS:
        raise ParamsError(f"--set {change}: {steps[0]}: unknown section; allowed: {', '.join(KINDS)}")
    try:
        value = YAML(typ="safe", pure=True).load(text)
    except YAMLError:
        value = text  # a path may hold what YAML gives a meaning to
    if isinstance(value, dict) and not text.lstrip().startswith("{"):
        value = text  # as may one with a colon and a space
    if isinstance(value, list):
        value = CommentedSeq(value)
        value.fa.set_flow_style()  # in one line, with its comment behind it
    here = data
    for step in steps[:-1]:
        if not isinstance(here.get(step), dict):
            here[step] = CommentedMap()
        here = here[step]
    here[steps[-1]] = value


def _find(name: str) -> Path:
    path = Path(name) if name.endswith((".yaml", ".yml")) else PROFILES / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in PROFILES.glob("*.yaml"))) or "none found here"
        raise UserError(f"{name}: no such profile; allowed: {known}, or the path of a YAML file")
    return path
