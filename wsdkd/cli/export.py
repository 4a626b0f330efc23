"""``wsdkd export``: a student as an ONNX file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wsdkd import project
from wsdkd.cli.places import check_output
from wsdkd.ground.errors import UserError
from wsdkd.ground.words import counted
from wsdkd.serving.named import find_pictures, student_named

if TYPE_CHECKING:
    import numpy as np

MEASURED = 256
"""Training pictures of the project that ranges come from; ten times as many hardly change them."""

app = typer.Typer(add_completion=False)


@app.command()
def export(
    model: Annotated[
        str, typer.Argument(metavar="NAME|FOLDER", help="promoted, student, baseline, or a folder.")
    ],
    to: Annotated[Path, typer.Option(help="The file to write; its name ends in .onnx.")],
    int8: Annotated[
        bool, typer.Option("--int8", help="Let layers compute in 8 bits: smaller, and faster on most CPUs.")
    ] = False,
    pictures: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="With --int8: pictures, or a folder of them, that show the range of each layer; by default "
            f"{MEASURED} training pictures of the project in this folder.",
        ),
    ] = None,
) -> None:
    """Write a student as an ONNX file. It appears once ONNX Runtime gives with it what PyTorch gives."""
    check_output(to, ".onnx")
    if pictures and not int8:
        raise UserError("--pictures: only a network in 8 bits needs them; add --int8")
    named = student_named(model)
    measured = _measured(pictures or []) if int8 else []

    # Torch takes seconds to load, which a wrong path or option need not cost.
    from wsdkd.serving.export import export_int8, export_student
    from wsdkd.student.network import load_student

    student = load_student(named.folder)
    point = named.operating_point(student)
    size, classes = student.params.input_size, counted(len(student.classes), "class")
    if int8:
        shown = _decoded(measured, size)
        agreeing = export_int8(student, point, to, shown)
        checked = f"decisions on {counted(len(shown), 'picture')} as PyTorch takes them: {agreeing:.1%}"
    else:
        checked = f"greatest difference from PyTorch: {export_student(student, point, to):.1e}"
    typer.echo(f"{to}: takes uint8 (B, 3, {size}, {size}), gives probabilities of {classes}")
    typer.echo(f"thresholds in its metadata: {point.origin}")
    typer.echo(checked)


def _measured(paths: list[Path]) -> list[Path]:
    """Files of the pictures that show the ranges, at most :data:`MEASURED`, spread over all there are."""
    if paths:
        found = find_pictures(paths).pictures
    elif project.IMAGES.is_file():
        from wsdkd.data.photographs import photographs_folder
        from wsdkd.data.tables import read_classes, read_images

        root = photographs_folder(project.IMAGES)
        rows = read_images(project.IMAGES, "train", num_classes=len(read_classes(project.CLASSES)))
        found = [root / row.path for row in rows]
    else:
        raise UserError(
            f"--int8 needs pictures that show the range of each layer, and there is no {project.IMAGES}; go "
            "to the project's folder, or name some: --pictures FOLDER"
        )
    if not found:
        raise UserError("--int8 needs pictures that show the range of each layer: none found")
    return found[:: -(-len(found) // MEASURED)]


def _decoded(paths: list[Path], size: int) -> "list[np.ndarray]":
    from wsdkd.data.images import ImageError, load_square

    found = []
    for path in paths:
        try:
            found.append(load_square(path, size))
        except ImageError as error:
            raise UserError(f"{path}: {error}; name other pictures: --pictures FOLDER") from None
    return found
