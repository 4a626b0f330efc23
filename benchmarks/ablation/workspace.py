"""A folder in which the project's stages run with other parameters, beside the project itself."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ruamel.yaml import YAML

from wsdkd.profiles import parse_profile
from wsdkd.settings.sections import PARAMS_FILE

DATA, WORK = Path("data"), Path("work")
"""In a suite's folder: tables and proposals, and the folders that cells work in."""
FEWER = {"few": Path("few/labels"), "few alone": Path("few/alone")}
"""Tables of which most labels are withheld, and the same without the images that lack them."""
TEACHERS = Path("teachers")
"""Networks and caches of teachers."""

PROJECT = Path(__file__).resolve().parents[2]
LINKED = ("dvc.yaml", "inputs")
"""Of the project: what says on which data a stage depends, and files that parameters name."""


@contextmanager
def workspace(folder: Path, params: Mapping[str, object], data: Mapping[str, Path]) -> Iterator[None]:
    """Work in ``folder``, laid out as the project is; what an interrupted stage left there stays.

    Args:
        folder: made if missing.
        params: sections of params.yaml; checked.
        data: what is linked in: place in the folder -> what is there.

    Raises:
        ParamsError: the parameters do not fit together.
    """
    parse_profile(dict(params), folder / PARAMS_FILE)
    folder.mkdir(parents=True, exist_ok=True)
    links = {**{name: PROJECT / name for name in LINKED}, **data}
    for place, target in links.items():
        link = folder / place
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target.resolve())
    with (folder / PARAMS_FILE).open("w", encoding="utf-8") as file:
        YAML().dump(dict(params), file)
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
