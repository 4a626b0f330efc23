"""Stage ``draw_scenes``: the embedded dataset, where the parameters ask for it."""

from functools import partial
from typing import Any, cast

from stages.run import run
from wsdkd import project
from wsdkd.datasets.params import DatasetParams, ScenesDataset
from wsdkd.datasets.scenes.write_coco import foreign_file, write_scenes
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_folder
from wsdkd.ground.workers import map_ordered
from wsdkd.settings.sections import load_section


def main() -> None:
    """Draw the scenes into data/scenes, in the place of those that were drawn before.

    Raises:
        UserError: what lies there was not drawn; it stays as it is.
    """
    params = cast("DatasetParams", load_section("dataset", DatasetParams))
    if not isinstance(params, ScenesDataset):
        raise TypeError(f"draw_scenes is a stage of format scenes, not {params.format}")
    _refuse_files_of_others()
    with publish_folder(project.SCENES) as aside:
        mapper: Any = partial(map_ordered, description="scenes")
        write_scenes(aside, params, mapper)
        _refuse_files_of_others()  # that came meanwhile


def _refuse_files_of_others() -> None:
    path = foreign_file(project.SCENES)
    if path is not None:
        raise UserError(
            f"{path}: not drawn by the stage draw_scenes, which replaces the whole folder {project.SCENES}; "
            "move it to another folder, and for a dataset of your own name that: params.yaml, dataset.root"
        )


if __name__ == "__main__":
    run(main, "draw_scenes")
