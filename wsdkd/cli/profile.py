"""``wsdkd profile``: choose a parameter file, check it, look at it."""

import shlex
import subprocess
from collections.abc import Sequence
from difflib import ndiff
from pathlib import Path
from typing import Annotated

import typer

from wsdkd.cli.places import require_project
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file
from wsdkd.ground.reading import read_text
from wsdkd.profiles import PROFILES, Profile, customised, load_profile
from wsdkd.settings.sections import PARAMS_FILE, ParamsError

MADE_BY = ("wsdkd", "profile", "use")
SHOWN_LINES = 10
"""Of an edited file, at most."""

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
    force: Annotated[bool, typer.Option("--force", help="Overwrite an edited params.yaml.")] = False,
) -> None:
    """Make a profile the active params.yaml, with its comments and with the changes asked for.

    A params.yaml that was edited is not overwritten: what would be lost is shown, and --force overwrites it.
    """
    source = _find(name)
    text = customised(read_text(source), changes, source)
    if changes or source.parent != PROFILES:
        text = _made_by(name, changes) + text
    if not force:
        _keep_edits(text)
    with publish_file(PARAMS_FILE) as aside:
        aside.write_text(text, encoding="utf-8")
    typer.echo(f"{PARAMS_FILE} is now {source}" + "".join(f", {change}" for change in changes))
    typer.echo("next: dvc repro")


def _made_by(name: str, changes: Sequence[str]) -> str:
    """The first line of a parameter file that is no profile as it stands: the command that made it."""
    options = [word for change in changes for word in ("--set", change)]
    line = shlex.join([*MADE_BY, name, *options])
    return f"# {line}\n" if line.isprintable() else ""


def _keep_edits(text: str) -> None:
    """Refuse to put ``text`` in place of a params.yaml that nothing else holds.

    Raises:
        UserError: shows the lines that would be lost.
    """
    if not PARAMS_FILE.is_file():
        return
    there = read_text(PARAMS_FILE)
    had_again = [text, _remade(there), *(read_text(path) for path in sorted(PROFILES.glob("*.yaml")))]
    edits = min((_added(there, each) for each in had_again if each is not None), key=len)
    committed = ["git", "diff", "--quiet", "HEAD", "--", str(PARAMS_FILE)]
    tracked = ["git", "ls-files", "--error-unmatch", str(PARAMS_FILE)]
    if not edits or all(_succeeds(command) for command in (tracked, committed)):
        return
    lines = "this line" if len(edits) == 1 else f"these {len(edits)} lines"
    shown = [f"  {line.strip()}" for line in edits[:SHOWN_LINES]]
    more = [f"  and {len(edits) - SHOWN_LINES} more"] if len(edits) > SHOWN_LINES else []
    head = (
        f"{PARAMS_FILE}: it was edited, and {lines} would be lost; --force overwrites it, and "
        f"cp {PARAMS_FILE} mine.yaml keeps it"
    )
    raise UserError("\n".join([head, *shown, *more]))


def _added(text: str, base: str) -> list[str]:
    """Lines of ``text`` that are not in ``base``."""
    return [line[2:] for line in ndiff(base.splitlines(), text.splitlines()) if line.startswith("+ ")]


def _remade(text: str) -> str | None:
    """What the command in the first line of a parameter file would write now; None where there is none."""
    try:
        words = shlex.split(text.partition("\n")[0].removeprefix("# "))
        prefix, name, options = tuple(words[: len(MADE_BY)]), words[len(MADE_BY)], words[len(MADE_BY) + 1 :]
        if prefix != MADE_BY or set(options[::2]) - {"--set"}:
            return None
        source = _find(name)
        return _made_by(name, options[1::2]) + customised(read_text(source), options[1::2], source)
    except (ValueError, IndexError):  # not such a line, or of a profile that is gone
        return None


def _succeeds(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S603
    except FileNotFoundError:
        return False


@app.command("check")
def check() -> None:
    """Validate every profile and the active params.yaml.

    Their networks are built, without weights, and what they log to has to be installed.
    """
    paths = [*sorted(PROFILES.glob("*.yaml")), *([PARAMS_FILE] if PARAMS_FILE.exists() else [])]
    if not paths:
        raise UserError(f"neither {PROFILES}/*.yaml nor {PARAMS_FILE} here; go to the project's folder")
    read: dict[Path, Profile] = {}
    refused: list[str] = []
    for path in paths:
        try:
            read[path] = load_profile(path)
        except ParamsError as error:
            refused += str(error).splitlines()
    # Torch takes seconds to load, which no file that is refused without it need cost.
    from wsdkd.cli.networks import misfits
    from wsdkd.training.trackers import absent

    for path, profile in read.items():
        found = [*misfits(profile.teacher), *misfits(profile.student), *absent(profile.tracking.trackers)]
        lines = [f"{path}: {line}" for line in found]
        if not lines:
            typer.echo(f"{path}: ok")
        refused += lines
    if refused:
        raise ParamsError("\n".join(refused))


@app.command("list")
def list_profiles() -> None:
    """List the profiles with the first line of each."""
    require_project()
    for path in sorted(PROFILES.glob("*.yaml")):
        first = read_text(path).partition("\n")[0]
        typer.echo(f"{path.stem:<14} {first.removeprefix('#').strip()}")


@app.command("show")
def show(name: Name) -> None:
    """Print a profile."""
    typer.echo(read_text(_find(name)), nl=False)


def _find(name: str) -> Path:
    path = Path(name) if name.endswith((".yaml", ".yml")) else PROFILES / f"{name}.yaml"
    if not path.is_file():
        if path.parent == PROFILES:
            require_project()
        known = ", ".join(sorted(each.stem for each in PROFILES.glob("*.yaml"))) or "none found here"
        raise UserError(f"{name}: no such profile; allowed: {known}, or the path of a YAML file")
    return path
