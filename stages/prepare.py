"""Stage ``prepare``: a dataset of any format becomes the tables under data/prepared."""

import sys
from pathlib import Path
from typing import cast

from stages.run import run
from wsdkd import project
from wsdkd.data.annotations import write_objects
from wsdkd.data.tables import write_classes, write_images
from wsdkd.datasets.params import DatasetParams
from wsdkd.datasets.prepare import prepare, refuse_unusable
from wsdkd.datasets.records import write_rejected
from wsdkd.settings.sections import load_section


def main() -> None:
    """Read the dataset, decode every image once, and write the four files."""
    params = cast("DatasetParams", load_section("dataset", DatasetParams))
    prepared = prepare(Path(params.root), params)
    sys.stdout.writelines(f"{note}\n" for note in prepared.notes)
    # Before anything can be refused, so that the reasons are there to be read.
    write_rejected(project.REJECTED, prepared.rejected)
    refuse_unusable(prepared, params.max_rejected, str(project.REJECTED))
    write_classes(project.CLASSES, prepared.classes)
    write_images(project.IMAGES, prepared.images)
    write_objects(project.OBJECTS, prepared.objects)
    sys.stdout.write(f"{prepared.summary()}\n")


if __name__ == "__main__":
    run(main, "prepare")
