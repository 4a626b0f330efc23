"""Stage ``list_photographs``: what DVC watches of a dataset of millions of files, where one asks.

It runs at each ``dvc repro``, and reads only the files that changed since.
"""

import sys
from typing import cast

from stages.run import run
from wsdkd import project
from wsdkd.datasets.listing import FILE, list_files
from wsdkd.datasets.params import DatasetParams
from wsdkd.ground.files import publish_folder
from wsdkd.settings.sections import load_section


def main() -> None:
    """List the files of the dataset with their digests, under data/listing."""
    params = cast("DatasetParams", load_section("dataset", DatasetParams))
    with publish_folder(project.LISTING) as aside:
        read = list_files(params.lies_in, aside / FILE, project.LISTING_INDEX)
    sys.stdout.write(f"{params.lies_in}: listed; {read} files were new or changed, and were read\n")


if __name__ == "__main__":
    run(main, "list_photographs")
