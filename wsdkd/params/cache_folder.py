"""The parameter ``cache.folder``, read alone: a student depends on what lies there, not on its section."""

from pathlib import Path

from wsdkd.params.base import PARAMS_FILE, read_folder


def cache_folder(path: Path = PARAMS_FILE) -> Path:
    """The folder ``cache.folder``, which dvc.yaml lists as a dependency of the stages that call this.

    The other keys of section ``cache`` say how a cache is computed. A student's stage does not list
    them: it reruns with the content of the folder.

    Raises:
        ParamsError: the parameter file or the key is missing.
    """
    return read_folder("cache", "folder", "the folder of a teacher's cache", path)
