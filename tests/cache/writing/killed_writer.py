"""Writes caches in processes that kill themselves with SIGKILL, each at a named moment.

Run as a process of its own, which loads the libraries once and forks for each moment.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py

from tests.cache import synthetic_teacher as synthetic
from wsdkd.cache.writing import build, writer
from wsdkd.data.tables import ImageRow

MOMENTS = {
    "in the first shard": 0,
    "between two flushes of the second shard": 1,
    "after the arrays, before the mark": 1,
    "after the mark, before the digest": 2,
    "after the digest, before the rename": 2,
    "while the cache is put together": 3,
    "before the folder is renamed": 3,
}
"""Moment -> shards that are finished by then."""


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dies_at(call: int, function: Callable[..., Any], *, before: bool = True) -> Callable[..., Any]:
    calls = 0

    def replacement(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call and before:
            die()
        result = function(*args, **kwargs)
        if calls == call:
            die()
        return result

    return replacement


def flushes_and_dies(call: int) -> Callable[[writer._GrowingShard], None]:
    flush, calls = writer._GrowingShard.flush, 0

    def replacement(shard: writer._GrowingShard) -> None:
        nonlocal calls
        calls += 1
        flush(shard)
        if calls == call:
            shard._file.flush()  # after which HDF5 leaves a file that can be opened
            die()

    return replacement


def write_until(folder: Path, scratch: Path, moment: str) -> None:
    seen: Callable[[ImageRow, bool], None] | None = None
    writer.FLUSH_IMAGES = 2
    if moment == "in the first shard":
        seen = dies_at(9, lambda *_: None)
    elif moment == "between two flushes of the second shard":
        writer._GrowingShard.flush = flushes_and_dies(8)  # type: ignore[method-assign]
    elif moment == "after the arrays, before the mark":
        h5py.File.flush = dies_at(2, h5py.File.flush, before=False)
    elif moment == "after the mark, before the digest":
        Path.replace = dies_at(5, Path.replace)  # type: ignore[method-assign]
    elif moment == "after the digest, before the rename":
        Path.replace = dies_at(6, Path.replace)  # type: ignore[method-assign]
    elif moment == "while the cache is put together":
        build.link = dies_at(2, build.link, before=False)
    else:
        Path.replace = dies_at(7, Path.replace)  # type: ignore[method-assign]
    synthetic.write(folder, scratch, synthetic.make_rows(20), seen=seen)


def main(root: Path) -> None:
    for number, moment in enumerate(MOMENTS):
        child = os.fork()
        if child == 0:
            try:
                write_until(root / f"cache-{number}", root / f"scratch-{number}", moment)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), moment
        assert os.WTERMSIG(status) == signal.SIGKILL, moment


if __name__ == "__main__":
    main(Path(sys.argv[1]))
