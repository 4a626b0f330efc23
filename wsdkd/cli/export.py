"""``wsdkd export``: a student as an ONNX file."""

from pathlib import Path
from typing import Annotated

import typer

from wsdkd.cli.places import check_output
from wsdkd.ground.words import counted
from wsdkd.serving.named import student_named

app = typer.Typer(add_completion=False)


@app.command()
def export(
    model: Annotated[
        str, typer.Argument(metavar="NAME|FOLDER", help="promoted, student, baseline, or a folder.")
    ],
    to: Annotated[Path, typer.Option(help="The file to write; its name ends in .onnx.")],
) -> None:
    """Write a student as an ONNX file. It appears once ONNX Runtime gives with it what PyTorch gives."""
    check_output(to, ".onnx")
    named = student_named(model)

    # Torch takes seconds to load, which a wrong path or option need not cost.
    from wsdkd.serving.export import export_student
    from wsdkd.student.network import load_student

    student = load_student(named.folder)
    point = named.operating_point(student)
    difference = export_student(student, point, to)
    size, classes = student.params.input_size, counted(len(student.classes), "class")
    typer.echo(f"{to}: takes uint8 (B, 3, {size}, {size}), gives probabilities of {classes}")
    typer.echo(f"thresholds in its metadata: {point.origin}")
    typer.echo(f"greatest difference from PyTorch: {difference:.1e}")
