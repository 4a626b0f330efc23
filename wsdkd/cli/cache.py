"""``wsdkd cache``: look at a teacher cache, check it, and know its size before there is one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from wsdkd import project
from wsdkd.cache.format import VIEWS, CacheError
from wsdkd.cache.manifest import read_manifest
from wsdkd.cache.params import CacheParams
from wsdkd.cache.verify import verify_cache
from wsdkd.cache.writing.scratch import keep_shards
from wsdkd.data.tables import TAUGHT, read_classes, read_images
from wsdkd.distill.params import DistillFeaturesParams, DistillPredictionsParams
from wsdkd.ground.errors import UserError
from wsdkd.ground.progress import track
from wsdkd.ground.words import counted, gigabytes
from wsdkd.proposals.stored import read_proposals
from wsdkd.settings.sections import PARAMS_FILE, load_section
from wsdkd.teacher.params import TeacherParams

if TYPE_CHECKING:
    from wsdkd.cache.writing.estimate import CacheSize

app = typer.Typer(add_completion=False, no_args_is_help=True, help="The teacher's cached outputs.")

Folder = Annotated[Path, typer.Argument(metavar="PATH", help="Folder of the cache.")]


@app.command("info")
def info(path: Folder = project.TEACHER_CACHE) -> None:
    """Say what is in a cache and what went in."""
    manifest = read_manifest(path)
    images = sum(entry.images for entry in manifest.shards)
    here = [entry for entry in manifest.shards if (path / entry.file).is_file()]
    typer.echo(f"{path}: teacher cache, schema version {manifest.schema_version}")
    typer.echo(f"images        {images}, plain and mirrored")
    typer.echo(f"classes       {len(manifest.classes)}: {_shortened(manifest.classes)}")
    typer.echo(f"feature width {manifest.feature_dim}")
    size = sum(entry.bytes for entry in manifest.shards)
    shards = counted(len(manifest.shards), "shard")
    typer.echo(f"size          {gigabytes(size)} in {shards}, {len(here)} of them here")
    for name, value in manifest.settings.items():
        typer.echo(f"{name}: {value}")
    typer.echo("fingerprint")
    for name, value in manifest.fingerprint.items():
        typer.echo(f"  {name:16} {value}")
    typer.echo("shards")
    for entry in manifest.shards:
        absent = "" if entry in here else "  missing"
        parts = "  ".join(f"{name} {value[:12]}" for name, value in entry.fingerprint.items())
        size_text = gigabytes(entry.bytes)
        typer.echo(f"  {entry.file}  {entry.images:6} images  {size_text:>10}  {parts}{absent}")


@app.command("verify")
def verify(path: Folder = project.TEACHER_CACHE) -> None:
    """Read all of a cache and compare checksums; status 1 and the place where one fails."""
    shards = len(read_manifest(path).shards)
    damages = 0
    for _, found in track(verify_cache(path), "Verify", total=shards, unit="shard"):
        for damage in found:
            damages += 1
            typer.echo(str(damage), err=True)
    if damages:
        typer.echo(
            f"{path}: {counted(damages, 'damage')} found; fetch or compute these shards again", err=True
        )
        raise typer.Exit(1)
    typer.echo(f"{path}: all shards are as they were written: {shards}")


@app.command("estimate")
def estimate(
    images: Annotated[int | None, typer.Option(min=1, help="Training images.")] = None,
    classes: Annotated[int | None, typer.Option(min=1, help="Classes.")] = None,
    rois: Annotated[
        int | None, typer.Option(min=1, help="Regions of an image that the teacher sees.")
    ] = None,
    width: Annotated[int | None, typer.Option(min=1, help="Width of a region's features.")] = None,
    best: Annotated[
        str | None, typer.Option(help="Regions of a view that keep their features: a number or all.")
    ] = None,
    bits: Annotated[int | None, typer.Option(help="Of a stored logit or feature: 16 or 8.")] = None,
    params: Annotated[Path, typer.Option(help="The parameter file.")] = PARAMS_FILE,
    prepared: Annotated[Path, typer.Option(help="Output of the stage prepare.")] = project.PREPARED,
    proposals: Annotated[Path, typer.Option(help="Output of the stage propose.")] = project.PROPOSALS,
) -> None:
    """Compute the size of a cache from its inputs, or from --images and --classes where there are none.

    And say whether it is cheaper to have the teacher run along.
    """
    # The choice of RoIs needs torch, whose seconds of loading the other commands are spared.
    from wsdkd.cache.writing.estimate import assumed_size, feature_width, planned_size

    teacher = load_section("teacher", TeacherParams, params)
    cache = load_section("cache", CacheParams, params)
    if best is not None:
        cache = CacheParams.model_validate({**cache.model_dump(), "rois": _parse_best(best)})
    if bits is not None:
        if bits not in (16, 8):
            raise CacheError(f"--bits: expected 16 or 8, got {bits}")
        cache = CacheParams.model_validate({**cache.model_dump(), "bits": bits})
    if images is None:
        if any(value is not None for value in (classes, rois, width)):
            raise CacheError("--classes, --rois and --width need --images")
        images_file, names = prepared / project.IMAGES.name, read_classes(prepared / project.CLASSES.name)
        rows = read_images(images_file, TAUGHT)
        if not rows:
            raise UserError(f"{images_file}: no image of the split train, so there is nothing to cache")
        try:
            size = planned_size(rows, len(names), read_proposals(proposals), teacher, cache)
        except KeyError as error:
            raise UserError(
                f"{proposals}: no boxes of image {error} of {images_file}; run: dvc repro propose"
            ) from None
    else:
        if classes is None:
            raise CacheError("--images needs --classes")
        size = assumed_size(
            images, classes, rois or teacher.proposals, width or feature_width(teacher), cache
        )
    _print_size(size)
    first = load_section("distill_features", DistillFeaturesParams, params).training.epochs
    epochs = first + load_section("distill_predictions", DistillPredictionsParams, params).training.epochs
    typer.echo(
        f"The teacher sees each image {VIEWS} times to fill it, for any number of students. Kept itself "
        f"(cache.kept: teacher) it stores nothing, and sees each image {epochs} times for each student, once "
        f"an epoch. {_cheaper(epochs)}"
    )


def _cheaper(epochs: int) -> str:
    if epochs <= VIEWS:
        return "For one student it is cheaper to keep the teacher."
    return f"It is cheaper to keep its outputs, as there are more than {counted(VIEWS, 'epoch')}."


@app.command("keep")
def keep(
    path: Folder = project.TEACHER_CACHE,
    scratch: Annotated[
        Path, typer.Option(help="Where cache_teacher looks for finished shards.")
    ] = project.CACHE_SCRATCH,
) -> None:
    """Keep a cache's shards for the next run of cache_teacher, which DVC starts on an empty folder.

    After dvc pull, so that added images alone are computed; after dvc repro, to free a second copy.
    """
    count = keep_shards(path, scratch)
    typer.echo(f"{path}: {count} of {counted(len(read_manifest(path).shards), 'shard')} kept in {scratch}")


def _print_size(size: "CacheSize") -> None:
    typer.echo(
        f"{counted(size.images, 'image')} x 2 views, {size.regions / size.images:.1f} regions an image,"
    )
    typer.echo(
        f"{size.chosen / size.images / 2:.1f} of them with features {size.feature_dim} wide in a view,"
    )
    typer.echo(
        f"{counted(size.classes, 'class')}, {counted(size.shards, 'shard')}, "
        f"{size.bits} bits a logit or feature:"
    )
    for name, count in size.parts().items():
        typer.echo(f"  {name:20} {gigabytes(count):>12} {100 * count / size.total:6.1f} %")
    typer.echo(f"  {'total':20} {gigabytes(size.total):>12}, {size.total / size.images:,.0f} bytes an image")


def _parse_best(text: str) -> int | Literal["all"]:
    if text == "all":
        return "all"
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise CacheError(f"--best: expected all or a number above 0, got {text!r}")


def _shortened(names: tuple[str, ...]) -> str:
    return ", ".join(names[:8]) + (" ..." if len(names) > 8 else "")
