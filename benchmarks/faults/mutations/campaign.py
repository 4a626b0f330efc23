"""The campaign: so many files broken, each read apart, and what became of it."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Literal

from benchmarks.faults.case import Campaign, Case
from benchmarks.faults.mutations import datasets, derived, inputs
from benchmarks.faults.mutations.apart import MOST_BYTES, Ending, run_apart
from benchmarks.faults.mutations.breaks import drawn
from benchmarks.faults.mutations.subject import Outcome, Subject

MOST_LINES = 2

Class = Literal[
    "refused", "listed", "equal", "as written", "silent", "traceback", "hang", "memory", "long message"
]
"""What becomes of a broken file; the first four are right."""
GOOD: tuple[Class, ...] = ("refused", "listed", "equal", "as written")


def subjects(scenes: Path) -> list[Subject]:
    """All that is broken: datasets, files of a user's own, files of the program's own."""
    return [*datasets.subjects(scenes), *inputs.subjects(), *derived.subjects()]


def run(seed: int, numbers: Sequence[int], base: Path) -> Iterator[Case]:
    """Break a file a case, those of each subject in turn.

    Raises:
        RuntimeError: a subject cannot be read as it is, or the independent reading of it says otherwise.
    """
    whole = subjects(base / "scenes")
    before: dict[int, Outcome] = {}
    for number in numbers:
        place = number % len(whole)
        source = base / f"whole-{place}"
        if place not in before:
            before[place] = _whole(whole[place], source)
        yield _case(number, seed, whole[place], source, before[place], base / "case")


def _whole(subject: Subject, folder: Path) -> Outcome:
    folder.mkdir()
    subject.make(folder)
    ending = _read(subject, folder, folder.with_name(f"{folder.name}-out"))
    if ending.end != "done":
        raise RuntimeError(f"{subject.name}: not read as it is: {ending.end}: {ending.said}")
    found: Outcome = ending.value
    if subject.as_written is not None and found.told != subject.as_written(folder):
        raise RuntimeError(f"{subject.name}: an independent reading says otherwise")
    return found


def _case(number: int, seed: int, subject: Subject, source: Path, before: Outcome, folder: Path) -> Case:
    rng = Random(f"{seed}/{number}")  # noqa: S311
    broken, out = folder / "set", folder / "out"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, broken, symlinks=True)
    files = sorted(path for path in broken.rglob("*") if path.is_file() and subject.broken(path))
    path, how = rng.choice(files), drawn(rng)
    how(path, rng)
    ending = _read(subject, broken, out)
    found = _class(ending, subject, broken, before)
    said = ending.said if ending.end != "done" else "; ".join(ending.value.listed[:1])
    return Case(
        number,
        subject.name,
        f"{how.__name__}: {path.relative_to(broken).as_posix()}",
        found,
        found in GOOD,
        round(ending.seconds, 2),
        round(ending.peak_bytes / 1e6),
        said.replace(str(folder), "").strip()[:300],
    )


def _read(subject: Subject, folder: Path, out: Path) -> Ending:
    return run_apart(lambda: subject.read(folder, out))


def _class(ending: Ending, subject: Subject, folder: Path, before: Outcome) -> Class:
    if ending.end in ("hang", "memory"):
        return "hang" if ending.end == "hang" else "memory"
    if ending.peak_bytes > MOST_BYTES:
        return "memory"
    if ending.end == "refused":
        return "refused" if len(ending.said.splitlines()) <= MOST_LINES else "long message"
    if ending.end != "done":
        return "traceback"
    found: Outcome = ending.value
    if found.digest == before.digest:
        return "equal"
    if set(found.listed) - set(before.listed):
        return "listed"
    return "as written" if _agrees(subject, folder, found) else "silent"


def _agrees(subject: Subject, folder: Path, found: Outcome) -> bool:
    """Whether the independent reading of the broken files says what the program read."""
    if subject.as_written is None:
        return False
    told = run_apart(lambda: _told(subject, folder))
    return told.end == "done" and bool(found.told == told.value)


def _told(subject: Subject, folder: Path) -> Any:
    assert subject.as_written is not None  # noqa: S101
    return subject.as_written(folder)


MUTATIONS = Campaign(
    "mutations",
    "Damaged files",
    2000,
    run,
    "Every kind of file that the program reads is broken at random: bits, bytes, lines and values of "
    "it, its end, the file as a whole. Each is read by a process of its own, within 30 s and 2 GB "
    "(seconds of work, or of waiting for something other than a processor). A "
    "broken file must be *refused* in at most two lines, *listed* among what cannot be used, or have "
    "*equal* results. A file of a user's own may also become another file that nobody can tell from a "
    "right one, such as a table with another letter in a name: it is read *as written* if an "
    "independent reading by plain libraries, `benchmarks/faults/mutations/as_written.py`, finds the "
    "same in it. All else is wrong: a *traceback*, a *hang*, too much *memory*, a *long message*, or "
    "a *silent* change of the results.",
)
