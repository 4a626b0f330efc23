"""``wsdkd data``: what the stage ``prepare`` has found, once more and as a page with pictures."""

from pathlib import Path
from typing import Annotated

import typer

from wsdkd import project
from wsdkd.cli.places import check_output, require_project
from wsdkd.ground.errors import UserError
from wsdkd.ground.words import counted

app = typer.Typer(add_completion=False)


@app.callback(invoke_without_command=True)
def data(
    page: Annotated[bool, typer.Option("--page/--no-page", help="Whether to write the page.")] = True,
    prepared: Annotated[Path, typer.Option(help="Folder of the prepared tables.")] = project.PREPARED,
    to: Annotated[Path, typer.Option(help="The page to write.")] = project.DATA_PAGE,
) -> None:
    """Look at the prepared dataset: classes, splits, copies, and what is in doubt.

    It prints what prepare ended with, and writes the same as a page with pictures.
    """
    from wsdkd.datasets.audit.facts import read_facts
    from wsdkd.datasets.audit.summary import summary

    if prepared == project.PREPARED:
        require_project()
    if to != project.DATA_PAGE:
        check_output(to, ".html")
    path = prepared / project.AUDIT.name
    if not path.is_file():
        raise UserError(f"{path}: no such file; nothing is prepared yet, run: dvc repro prepare")
    facts = read_facts(path)
    for line in (*facts.notes, *summary(facts, str(prepared / project.REJECTED.name))):
        typer.echo(line)
    if page:
        pictures = _write(to, prepared)
        typer.echo(f"{to}: the same with {counted(pictures, 'picture')}")


def _write(to: Path, prepared: Path) -> int:
    from wsdkd.data.photographs import photographs_folder
    from wsdkd.data.tables import ImageRow, read_images
    from wsdkd.datasets.audit.facts import read_facts
    from wsdkd.datasets.page.write import write_data_page

    facts = read_facts(prepared / project.AUDIT.name)
    images = prepared / project.IMAGES.name
    if not images.is_file():  # refused: there are doubts to show, and no images
        none: tuple[ImageRow, ...] = ()
        return write_data_page(to, facts, none, prepared)
    rows = read_images(images, num_classes=len(facts.classes))
    return write_data_page(to, facts, rows, photographs_folder(images))
