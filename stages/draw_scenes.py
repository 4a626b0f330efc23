"""Stage ``draw_scenes``: the embedded dataset, where the parameters ask for it."""

from functools import partial
from typing import Any, cast

from stages import paths
from stages.run import run
from wsdkd.datasets.scenes.write_coco import write_scenes
from wsdkd.files import publish_folder
from wsdkd.params.base import load_section
from wsdkd.params.dataset import DatasetParams, ScenesDataset
from wsdkd.workers import map_ordered


def main() -> None:
    """Draw the scenes into data/scenes."""
    params = cast("DatasetParams", load_section("dataset", DatasetParams))
    if not isinstance(params, ScenesDataset):
        raise TypeError(f"draw_scenes is a stage of format scenes, not {params.format}")
    with publish_folder(paths.SCENES) as aside:
        mapper: Any = partial(map_ordered, description="scenes")
        write_scenes(aside, params, mapper)


if __name__ == "__main__":
    run(main, "draw_scenes")
