"""The data of a suite: drawn where the profile draws, prepared, and proposed. Run by DVC.

    python -m benchmarks.ablation.data       # data/
    python -m benchmarks.ablation.data few   # few/: the same tables with most labels withheld

It imports no torch, which every process that helps to draw and decode would load again.
"""

import shutil
import sys
from pathlib import Path

from benchmarks.ablation.variants import WITHHELD
from benchmarks.ablation.workspace import DATA, FEWER, WORK, workspace
from stages import draw_scenes, prepare, propose
from wsdkd import project
from wsdkd.data.photographs import unpacked_into
from wsdkd.data.tables import SPLITS, read_classes, read_images, write_images
from wsdkd.settings.sections import read_params


def main() -> None:
    """Write data/ of the suite's folder."""
    params = read_params()
    with workspace(WORK / "data", params, {}):
        if params["dataset"]["format"] == "scenes":
            draw_scenes.main()
        prepare.main()
        propose.main()
        made = Path("data").resolve()
    made.rename(DATA)


def withhold() -> None:
    """Write few/ of the suite's folder; proposals are those of data/."""
    params = read_params()
    params["dataset"]["unlabelled_share"] = WITHHELD
    drawn = {} if params["dataset"]["format"] != "scenes" else {"data/scenes": DATA / "scenes"}
    with workspace(WORK / "few", params, drawn):
        prepare.main()
        made = project.PREPARED.resolve()
    few, alone = (folder / "prepared" for folder in FEWER.values())
    few.parent.mkdir(parents=True, exist_ok=True)
    made.rename(few)
    shutil.copytree(few, alone)
    images, classes = alone / project.IMAGES.name, read_classes(alone / project.CLASSES.name)
    write_images(images, read_images(images, SPLITS), unpacked_into(images), classes)


if __name__ == "__main__":
    withhold() if sys.argv[1:] == ["few"] else main()
