"""Where photographs lie: below ``dataset.root``, or where ``prepare`` has unpacked them.

``path`` of ``images.parquet`` is a file below that folder, or a stretch of one, ``FILE#OFFSET+SIZE`` (see
:mod:`wsdkd.ground.reading`). Data sets come as millions of photographs in a few hundred files, and there are
two kinds:

- A tar shard (WebDataset) holds each photograph as it is, in one stretch. It stays where it is, and is read
  there at the cost of reading a file. Nothing is copied, and DVC watches a few hundred files.
- Parquet compresses some hundred photographs together, so that reading one means to decompress all of them:
  training, which reads at random, would wait for that at every picture. So ``prepare`` copies the photographs
  once into tar shards of its own, as one more output, ``data/prepared/photographs``. DVC stores a few hundred
  files more, and later stages read stretches of them.

Later stages list neither as a dependency: ``images.parquet`` has a digest of every photograph.
"""

from pathlib import Path

import pyarrow as pa

from wsdkd.data.parquet import telling, told
from wsdkd.settings.sections import PARAMS_FILE, dataset_root

_KEY = "photographs"


def in_folder(images: pa.Table, folder: Path | None) -> pa.Table:
    """The table, which tells now that its paths are relative to ``folder``; None: to ``dataset.root``."""
    return images if folder is None else telling(images, _KEY, folder.as_posix())


def photographs_folder(images: Path, params: Path = PARAMS_FILE) -> Path:
    """The folder that the paths of a table of images are relative to, for all that opens photographs.

    Args:
        images: ``images.parquet``.
        params: the parameter file, which names ``dataset.root``.

    Raises:
        UserError: a file is missing or damaged, or the parameter is missing.
    """
    folder = unpacked_into(images)
    return dataset_root(params) if folder is None else folder


def unpacked_into(images: Path) -> Path | None:
    """The folder into which ``prepare`` has unpacked the photographs; None: they lie in the dataset's own.

    Raises:
        UserError: the table of images is missing or damaged.
    """
    folder = told(images, _KEY)
    return None if folder is None else Path(folder)
