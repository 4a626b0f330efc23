"""Stage ``prepare``: a dataset of any format becomes the tables under data/prepared."""

import sys
from pathlib import Path
from typing import cast

from stages import paths
from stages.run import run
from wsdkd.datasets.prepare import prepare, refuse_unusable
from wsdkd.datasets.rejected import write_rejected
from wsdkd.params.base import load_section
from wsdkd.params.dataset import DatasetParams
from wsdkd.tables.classes import write_classes
from wsdkd.tables.images import write_images
from wsdkd.tables.objects import write_objects


def main() -> None:
    """Read the dataset, decode every image once, and write the four files."""
    params = cast("DatasetParams", load_section("dataset", DatasetParams))
    prepared = prepare(Path(params.root), params)
    # Before anything can be refused, so that the reasons are there to be read.
    write_rejected(paths.REJECTED, prepared.rejected)
    refuse_unusable(prepared, params.max_rejected, str(paths.REJECTED))
    write_classes(paths.CLASSES, prepared.classes)
    write_images(paths.IMAGES, prepared.images)
    write_objects(paths.OBJECTS, prepared.objects)
    sys.stdout.write(f"{prepared.summary()}\n")


if __name__ == "__main__":
    run(main, "prepare")
