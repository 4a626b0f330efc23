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
    "before anything is written",
    "after the weights, before the description",
    "before the folder of the version is named",
    "after the folder, before the ledger",
    "in the middle of the ledger",
    "before the ledger is named",
    "after the ledger is named",
)


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dies_before(names: set[str], rename: Callable[..., Any]) -> Callable[..., Any]:
    return lambda path, target: die() if Path(target).name in names else rename(path, target)


def half_written(beginning: str, write: Callable[..., Any]) -> Callable[..., Any]:
    def replacement(path: Path, text: str, **how: Any) -> Any:
        if not path.name.startswith(beginning):
            return write(path, text, **how)
        write(path, text[: len(text) // 2], **how)
        return die()

    return replacement


def promote_until(folder: Path, student: Path, moment: str) -> None:
    if moment == MOMENTS[0]:
        store.publish_folder = die  # type: ignore[assignment]
    elif moment == MOMENTS[1]:
        copy = shutil.copyfile
        shutil.copyfile = lambda source, target: die(copy(source, target))  # type: ignore[assignment]
    elif moment == MOMENTS[2]:
        Path.replace = dies_before({"0001", "0002"}, Path.replace)  # type: ignore[method-assign]
    elif moment == MOMENTS[3]:
        # The first promotion of all writes an empty ledger before anything else.
        write = store.write_ledger
        store.write_ledger = lambda folder, ledger: die() if ledger.events else write(folder, ledger)
    elif moment == MOMENTS[4]:
        Path.write_text = half_written(".promoted.json.", Path.write_text)  # type: ignore[method-assign]
    elif moment == MOMENTS[5]:
        Path.replace = dies_before({"promoted.json"}, Path.replace)  # type: ignore[method-assign]
    else:
        unlink = Path.unlink
        Path.unlink = lambda path, **how: die() if path.name == "unfinished" else unlink(path, **how)  # type: ignore[method-assign]
    promote(store.Store(folder), student)


def main(root: Path) -> None:
    first, second = fake_student(root / "first", "one"), fake_student(root / "second", "two")
    for number, moment in enumerate(MOMENTS):
        promote(store.Store(root / f"second-of-{number}"), first)
        for folder in (root / f"first-of-{number}", root / f"second-of-{number}"):
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
