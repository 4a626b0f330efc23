"""Stage ``prepare``: a dataset of any format becomes the tables under data/prepared.

Processes that decode pictures import this module again, so what they do without is imported in ``main``.
"""

import sys
from pathlib import Path
from typing import cast

from stages.run import run


def main() -> None:
    """Read the dataset, decode every image once, and write its tables and the unpacked photographs."""
    from wsdkd import project
    from wsdkd.datasets.on_disk import write_prepared
    from wsdkd.datasets.params import DatasetParams
    from wsdkd.settings.sections import PARAMS_FILE, ParamsError, load_section

    params = cast("DatasetParams", load_section("dataset", DatasetParams))
    if params.corrections is not None and project.CORRECTIONS not in Path(params.corrections).parents:
        raise ParamsError(
            f"{PARAMS_FILE}: dataset.corrections: expected a file below {project.CORRECTIONS}, which DVC "
            f"watches, got {params.corrections!r}; put it there"
        )
    write_prepared(params.lies_in, params, project.PREPARED, lambda line: sys.stdout.write(f"{line}\n"))


if __name__ == "__main__":
    run(main, "prepare")
