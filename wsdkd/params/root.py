"""The one parameter that is read without being a dependency: where the photographs lie."""

from pathlib import Path

from wsdkd.params.base import PARAMS_FILE, read_folder


def dataset_root(path: Path = PARAMS_FILE) -> Path:
    """The folder ``dataset.root``, for the stages after ``prepare``, which open the photographs.

    These stages do not list ``dataset.root`` in dvc.yaml: ``images.parquet``, which they do list,
    holds a digest of every photograph, so that their input is known whatever the folder is called,
    and moving the dataset reruns ``prepare`` alone.

    Raises:
        ParamsError: the parameter file or the key is missing.
    """
    return read_folder("dataset", "root", "the folder of the dataset", path)
