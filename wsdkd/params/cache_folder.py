"""The parameter ``cache.folder``, read alone: a student depends on what lies there, not on its section."""

from pathlib import Path

from wsdkd.params.base import PARAMS_FILE, ParamsError, read_params


def cache_folder(path: Path = PARAMS_FILE) -> Path:
    """The folder ``cache.folder``, which dvc.yaml lists as a dependency of the stages that call this.

    The other keys of section ``cache`` say how a cache is computed. A student's stage does not list
    them: it reruns with the content of the folder.

    Raises:
        ParamsError: the parameter file or the key is missing.
    """
    section = read_params(path).get("cache")
    folder = section.get("folder") if isinstance(section, dict) else None
    if not isinstance(folder, str):
        raise ParamsError(f"{path}: cache.folder: expected the folder of a teacher's cache, got {folder!r}")
    return Path(folder)
