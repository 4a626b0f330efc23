"""``wsdkd show``: the results of the last evaluation."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from wsdkd.cli.regions import regions
from wsdkd.errors import UserError
from wsdkd.evaluation.table import results

OPEN = {
    "metrics.json": "all numbers, with the protocol they were measured by",
    "per_class.csv": "each class: how often it occurs, its AP, its gain",
    "pictures/examples.png": "test images: where the teacher looks, which labels each network gives",
    "pictures/gain_per_class.png": "gain of distillation by class",
    "pictures/precision_recall.png": "precision against recall",
    "pictures/training_curves.png": "how each network was trained",
}

app = typer.Typer(help="Look at results.")
app.command("regions")(regions)


@app.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    reports: Annotated[Path, typer.Option(help="Folder the stage evaluate wrote to.")] = Path("reports"),
) -> None:
    """Print the table of results of the last evaluation and name the files to open."""
    if context.invoked_subcommand is not None:
        return
    path = reports / "metrics.json"
    metrics = _read(path)
    console = Console(highlight=False, markup=False)
    try:
        console.print(results(metrics))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not the report of an evaluation ({error}); run: dvc repro") from None
    files = [(reports / name, what) for name, what in OPEN.items() if (reports / name).exists()]
    width = max(len(str(file)) for file, _ in files)
    console.print("Files to open:", style="bold")
    for file, what in files:
        console.print(f"  {file!s:<{width}}  {what}", soft_wrap=True)


def _read(path: Path) -> dict[str, object]:
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; there are no results yet, run: dvc repro") from None
    except ValueError as error:
        raise UserError(f"{path}: not valid JSON ({error}); run: dvc repro") from None
    if not isinstance(metrics, dict):
        raise UserError(f"{path}: not the report of an evaluation; run: dvc repro")
    return metrics
