"""Promotes in processes that kill themselves with SIGKILL, each at a named moment; forked for each."""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.serving.fake_students import fake_student, promote
from wsdkd.serving import store

MOMENTS = (
    "after the weights, before the description",
    "before the folder of the version is named",
    "after the folder, before the ledger",
    "in the middle of the ledger",
    "before the ledger is named",
)


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dies_before(name: str, rename: Callable[..., Any]) -> Callable[..., Any]:
    return lambda path, target: die() if Path(target).name == name else rename(path, target)


def half_written(name: str, write: Callable[..., Any]) -> Callable[..., Any]:
    def replacement(path: Path, text: str, **how: Any) -> Any:
        if path.name != name:
            return write(path, text, **how)
        write(path, text[: len(text) // 2], **how)
        return die()

    return replacement


def promote_until(folder: Path, student: Path, moment: str) -> None:
    if moment == MOMENTS[0]:
        copy = shutil.copyfile
        shutil.copyfile = lambda source, target: die(copy(source, target))  # type: ignore[assignment]
    elif moment == MOMENTS[1]:
        Path.replace = dies_before("0002", Path.replace)  # type: ignore[method-assign]
    elif moment == MOMENTS[2]:
        store.write_ledger = die
    elif moment == MOMENTS[3]:
        Path.write_text = half_written(".promoted.json.part", Path.write_text)  # type: ignore[method-assign]
    else:
        Path.replace = dies_before("promoted.json", Path.replace)  # type: ignore[method-assign]
    promote(store.Store(folder), student)


def main(root: Path) -> None:
    first, second = fake_student(root / "first", "one"), fake_student(root / "second", "two")
    for number, moment in enumerate(MOMENTS):
        folder = root / f"promoted-{number}"
        promote(store.Store(folder), first)
        child = os.fork()
        if child == 0:
            try:
                promote_until(folder, second, moment)
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), moment
        assert os.WTERMSIG(status) == signal.SIGKILL, moment


if __name__ == "__main__":
    main(Path(sys.argv[1]))
