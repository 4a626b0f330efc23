"""Stage ``prepare``: a dataset of any format becomes the tables under data/prepared."""

import sys
from pathlib import Path
from typing import cast

from stages.run import run
from wsdkd import project
from wsdkd.data.annotations import write_objects
from wsdkd.data.tables import write_classes, write_images
from wsdkd.datasets.params import DatasetParams
from wsdkd.datasets.prepare import prepare
from wsdkd.datasets.records import DatasetError, write_rejected
from wsdkd.datasets.refuse import refuse_unusable
from wsdkd.datasets.summary import summary
from wsdkd.ground.files import publish_folder
from wsdkd.settings.sections import load_section


def main() -> None:
    """Read the dataset, decode every image once, and write the four files and the unpacked photographs."""
    params = cast("DatasetParams", load_section("dataset", DatasetParams))
    with publish_folder(project.PHOTOGRAPHS) as photographs:
        try:
            prepared = prepare(Path(params.root), params, unpack_into=photographs)
        except DatasetError as error:
            write_rejected(project.REJECTED, error.rejected)
            raise
        # Before anything can be refused, so that the reasons are there to be read.
        write_rejected(project.REJECTED, prepared.rejected)
        lines = (*prepared.notes, *summary(prepared, str(project.REJECTED)))
        sys.stdout.writelines(f"{line}\n" for line in lines)
        refuse_unusable(prepared, params, str(project.REJECTED))
    write_classes(project.CLASSES, prepared.classes)
    write_images(project.IMAGES, prepared.images, project.PHOTOGRAPHS if prepared.unpacked else None)
    write_objects(project.OBJECTS, prepared.objects)


if __name__ == "__main__":
    run(main, "prepare")
