"""The photographs, fetched when a stage needs them and they are not here.

The stages after ``prepare`` open photographs and, for the reasons in docs/pipeline.md, do not list
them as a dependency. So DVC does not bring them by itself where a clone trains from a shared cache.
"""

import subprocess
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from wsdkd import project
from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import ImageRow
from wsdkd.ground.errors import UserError
from wsdkd.ground.reading import file_of
from wsdkd.settings.sections import PARAMS_FILE, read_params


def fetch_photographs(tables: Sequence[Sequence[ImageRow]]) -> None:
    """Fetch ``dataset.root`` by DVC, unless one photograph of each of its folders is there.

    A transfer by DVC that breaks off can leave a folder half full; a photograph that is missing then
    is named by the stage that opens it.

    Raises:
        UserError: they are not there, and DVC cannot bring them.
    """
    root = photographs_folder(project.IMAGES)
    if _absent(root, tables) is None:
        return
    sys.stdout.write(f"{root}: the photographs are not here; fetching them: dvc pull {root}\n")
    sys.stdout.flush()
    # DVC lets go of the repository's lock while a stage's command runs.
    pulled = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "dvc", "pull", root.as_posix()],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    absent = _absent(root, tables)
    if absent is not None:
        told = [line for line in pulled.stderr.splitlines() if line.startswith("ERROR:")]
        raise UserError(
            f"{absent}: this photograph is missing, and `dvc pull {root}` did not bring it"
            f"{f' ({told[-1]})' if told else ''}; {_remedy()}"
        )


def _absent(root: Path, tables: Sequence[Sequence[ImageRow]]) -> Path | None:
    """The first photograph of a folder, or a shard, that is not there; to look at all would take long."""
    first: dict[str, str] = {}
    for row in chain.from_iterable(tables):
        file = file_of(row.path)
        first.setdefault(file if file != row.path else row.path.rpartition("/")[0], file)
    return next((root / path for path in first.values() if not (root / path).is_file()), None)


def _remedy() -> str:
    drawn = (read_params(PARAMS_FILE).get("dataset") or {}).get("draw") or []
    if drawn:
        return f"draw them again: dvc repro draw_scenes@{drawn[0]}"
    return "put the dataset there, or name the folder in which it lies: params.yaml, dataset.root"
