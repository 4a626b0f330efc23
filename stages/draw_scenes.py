"""Stage ``draw_scenes``: the embedded dataset, where the parameters ask for it."""

from functools import partial
from typing import Any, cast

from stages.run import run
from wsdkd import project
from wsdkd.datasets.params import DatasetParams, ScenesDataset
from wsdkd.datasets.scenes.write_coco import write_scenes
from wsdkd.ground.files import publish_folder
from wsdkd.ground.workers import map_ordered
from wsdkd.settings.sections import load_section


def main() -> None:
    """Draw the scenes into data/scenes."""
    params = cast("DatasetParams", load_section("dataset", DatasetParams))
    if not isinstance(params, ScenesDataset):
        raise TypeError(f"draw_scenes is a stage of format scenes, not {params.format}")
    with publish_folder(project.SCENES) as aside:
        mapper: Any = partial(map_ordered, description="scenes")
        write_scenes(aside, params, mapper)


if __name__ == "__main__":
    run(main, "draw_scenes")
