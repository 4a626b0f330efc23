"""``wsdkd init``: begin a project in a folder of its own, outside of a clone of the repository."""

import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

import wsdkd
from wsdkd import project
from wsdkd.ground.errors import UserError

PACKAGE = Path(wsdkd.__file__).parent
SHIPPED = PACKAGE / "new_project"
"""The files of a new project in an installed package; setup.py puts them there."""
DEMO = "profiles/scenes.yaml"
"""The parameters that a project begins with."""

app = typer.Typer(add_completion=False)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Made if it is not there.")],
) -> None:
    """Begin a project in a folder of its own.

    It gets the pipeline, its stages, the flows and all profiles, under Git and DVC, set to the drawn scenes.
    Nothing is ever overwritten. Files of yours may lie in the folder, as long as none has a name that the
    project needs.
    """
    if shutil.which("git") is None:
        raise UserError("git is not on the path, and a project needs it; install it first")
    files = new_project()
    _refuse_taken(folder, files)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:  # refuses one that came this moment
            file.write(content)
    if not (folder / ".git").exists():
        _git_init(folder)
    typer.echo(f"{folder}: a project of wsdkd, set to the drawn scenes")
    typer.echo(f"next: cd {folder} && git add . && git commit -m 'Begin' && dvc repro && wsdkd show")


def new_project() -> dict[str, bytes]:
    """The files of a new project by their paths within it, as the package has them.

    Raises:
        UserError: the package was copied without them.
    """
    root = SHIPPED if SHIPPED.is_dir() else PACKAGE.parent
    if not (root / DEMO).is_file():
        raise UserError(f"{SHIPPED}: no such folder; install wsdkd by pip, from its wheel or from a clone")
    paths = _below(root) if root == SHIPPED else _listed(root)
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}
    pipeline = outside_of_a_clone(files["dvc.yaml"].decode())
    return {**files, "dvc.yaml": pipeline.encode(), "params.yaml": files[DEMO]}


def outside_of_a_clone(pipeline: str) -> str:
    """dvc.yaml for a project that has no folder wsdkd, as the package is installed elsewhere.

    DVC cannot watch a package that lies at another place on every machine. So the stage ``code``, which
    takes a second, runs each time and asks the package itself. What it writes changes with the package
    alone, and only then does another stage run.
    """
    watched, asked = "    deps: [stages, wsdkd]\n", "    deps: [stages]\n    always_changed: true\n"
    assert pipeline.count(watched) == 1  # noqa: S101, the file is the package's own
    return pipeline.replace(watched, asked)


def _below(root: Path) -> list[Path]:
    # Pip compiles every module that it installs, those of the new project's stages, too.
    return [path for path in sorted(root.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]


def _listed(clone: Path) -> list[Path]:
    # As setup.py does.
    settings = tomllib.loads((clone / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = settings["tool"]["wsdkd"]["new-project"]
    return [path for pattern in patterns for path in sorted(clone.glob(pattern))]


def _refuse_taken(folder: Path, names: Iterable[str]) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; name a folder to begin a project in")
    # Whole folders count. DVC deletes what lies in an output's place before a stage runs, a folder wsdkd
    # would be imported in place of the installed package, and a file among the stages be taken for one.
    tops = {name.partition("/")[0] for name in names} | {"wsdkd", str(project.MODELS), str(project.REPORTS)}
    taken = sorted(top for top in tops if os.path.lexists(folder / top))
    if taken:
        raise UserError(
            f"{folder}: {', '.join(taken)} {'is' if len(taken) == 1 else 'are'} there already, and nothing "
            "is overwritten; name another folder, or move what is there out of the way"
        )


def _git_init(folder: Path) -> None:
    done = subprocess.run(
        ["git", "init", "--quiet"],  # noqa: S607
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UserError(f"{folder}: git init failed: {done.stderr.strip()}")
