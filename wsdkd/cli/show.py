"""``wsdkd show``: the results of the last evaluation, as a table or a page, and where the teacher looks."""

import webbrowser
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from wsdkd import project
from wsdkd.cli.places import check_output, require_project
from wsdkd.evaluation.table import results
from wsdkd.ground.errors import UserError
from wsdkd.ground.reading import read_json
from wsdkd.ground.words import counted
from wsdkd.settings.sections import PARAMS_FILE

OPEN = {
    "report.html": "all of it as a page, without internet, which dvc plots show needs",
    "metrics.json": "all numbers, with the protocol they were measured by",
    "per_class.csv": "each class: how often it occurs, its AP, its gain",
    "pictures/examples.png": "test images: where the teacher looks, which labels each network gives",
    "pictures/gain_per_class.png": "gain of distillation by class",
}

app = typer.Typer(add_completion=False)


@app.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    reports: Annotated[Path, typer.Option(help="Folder the stage evaluate wrote to.")] = project.REPORTS,
    html: Annotated[
        bool, typer.Option("--html", help="Write the report as a page, with speeds, commit and machine.")
    ] = False,
    opens: Annotated[bool, typer.Option("--open", help="As --html, and open it in a browser.")] = False,
    to: Annotated[
        Path | None, typer.Option(help="The page to write.  [default: shown.html beside the report]")
    ] = None,
) -> None:
    """Look at the results of the last evaluation, and at the regions that the teacher sees.

    Without a command it prints the table of results and names the files to open. Charts need no internet in
    report.html, while dvc plots show loads what draws them from a server.
    """
    if context.invoked_subcommand is not None:
        return
    if reports == project.REPORTS:
        require_project()
    path = reports / project.METRICS.name
    metrics = _read(path)
    if html or opens or to is not None:
        page = to or reports / project.SHOWN.name
        _write_page(reports, metrics, page)
        opened = opens and webbrowser.open(page.resolve().as_uri())
        typer.echo(f"{page}: the report{'' if opened or not opens else '; no browser was found to open it'}")
        return
    console = Console(highlight=False, markup=False)
    try:
        table = results(metrics)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path}: not the report of an evaluation ({error}); run: dvc repro") from None
    console.print(table)
    files = [(reports / name, what) for name, what in OPEN.items() if (reports / name).exists()]
    width = max(len(str(file)) for file, _ in files)
    console.print("Files to open:", style="bold")
    for file, what in files:
        console.print(f"  {file!s:<{width}}  {what}", soft_wrap=True)


def _write_page(reports: Path, metrics: dict[str, object], to: Path) -> None:
    # The table of results does without these.
    from wsdkd.evaluation.page.shown import Beside, with_run
    from wsdkd.ground.files import publish_file
    from wsdkd.ground.reading import read_text

    if to.name != project.SHOWN.name:
        check_output(to, ".html")
    source = reports / project.REPORT.name
    text = read_text(source, "there is no page of the results yet, run: dvc repro evaluate")
    parameters = reports.parent / PARAMS_FILE
    audit_page = reports / project.DATA_PAGE.name
    beside = Beside(
        read_text(parameters) if parameters.is_file() else None,
        audit_page.resolve().as_uri() if audit_page.is_file() else None,
    )
    try:
        page = with_run(text, metrics, beside)
    except (KeyError, TypeError) as error:
        path = reports / project.METRICS.name
        raise UserError(f"{path}: not the report of an evaluation ({error}); run: dvc repro") from None
    with publish_file(to) as aside:
        aside.write_text(page, encoding="utf-8")


def _read(path: Path) -> dict[str, object]:
    metrics = read_json(path, "there are no results yet, run: dvc repro")
    if not isinstance(metrics, dict):
        raise UserError(f"{path}: not the report of an evaluation; run: dvc repro")
    return metrics


@app.command("regions")
def regions(
    images: Annotated[
        int, typer.Option(min=1, help="Images a class: the first that hold it, not the best.")
    ] = 6,
    cache: Annotated[Path, typer.Option(help="Folder of the teacher's cache.")] = project.TEACHER_CACHE,
    prepared: Annotated[Path, typer.Option(help="Folder of the prepared tables.")] = project.PREPARED,
    to: Annotated[Path, typer.Option(help="The picture to write.")] = project.REGIONS,
) -> None:
    """Draw the teacher's best region of each class in the first training images that hold it."""
    if prepared == project.PREPARED:
        require_project()
    if to != project.REGIONS:
        check_output(to, ".png")
    # The table of results does without these, which take a second to load.
    from wsdkd.cache.reader import TeacherCache
    from wsdkd.data.photographs import photographs_folder
    from wsdkd.data.tables import read_classes, read_images
    from wsdkd.evaluation.charts import save_png
    from wsdkd.evaluation.examples import best_region_page

    classes = read_classes(prepared / project.CLASSES.name)
    train = read_images(prepared / project.IMAGES.name, "train", num_classes=len(classes))
    reader = TeacherCache(cache)
    reader.check(classes, train)
    folder = photographs_folder(prepared / project.IMAGES.name)
    page = best_region_page(reader, classes, train, folder, images)
    save_png(page, to)
    typer.echo(f"{to}: the teacher's best region of each of {counted(len(classes), 'class')}")
