"""``wsdkd show regions``: what the teacher takes for each class, as a page of pictures.

``wsdkd show``: the results of the last evaluation.
"""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from wsdkd import project
from wsdkd.cache.reader import TeacherCache
from wsdkd.data.tables import read_classes, read_images
from wsdkd.evaluation.charts import save_png
from wsdkd.evaluation.table import results
from wsdkd.ground.errors import UserError
from wsdkd.settings.sections import dataset_root


def regions(
    images: Annotated[
        int, typer.Option(min=1, help="Images a class: the first that hold it, not the best.")
    ] = 6,
    cache: Annotated[Path, typer.Option(help="Folder of the teacher's cache.")] = project.TEACHER_CACHE,
    prepared: Annotated[Path, typer.Option(help="Folder of the prepared tables.")] = project.PREPARED,
    to: Annotated[Path, typer.Option(help="The picture to write.")] = project.PICTURES / "regions.png",
) -> None:
    """Draw the teacher's best region of each class in the first training images that hold it."""
    # Here, as it loads torch, which the table of results does without.
    from wsdkd.evaluation.examples import best_region_page

    if to.suffix != ".png":
        raise UserError(f"--to {to}: expected a name that ends in .png")
    classes = read_classes(prepared / "classes.json")
    train = read_images(prepared / "images.parquet", "train")
    reader = TeacherCache(cache)
    reader.check(classes, train)
    page = best_region_page(reader, classes, train, dataset_root(), images)
    save_png(page, to)
    typer.echo(f"{to}: the teacher's best region of each of {len(classes)} classes")


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
    reports: Annotated[Path, typer.Option(help="Folder the stage evaluate wrote to.")] = project.REPORTS,
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
