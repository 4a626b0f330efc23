"""What every campaign tells of one thing that it tried, and how campaigns are scaled."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One thing that was tried.

    Attributes:
        number: of the case in its campaign; with the seed it tells all that was drawn.
        what: was put to the test: a kind of file, a stage, a command.
        how: it was done.
        found: what became of it, in a word or two.
        good: whether that is right.
        seconds: it took.
        megabytes: of memory at the peak, beyond what the reader holds; 0 where that was not measured.
        said: what a user was told.
    """

    number: int
    what: str
    how: str
    found: str
    good: bool
    seconds: float
    megabytes: int
    said: str


@dataclass(frozen=True)
class Campaign:
    """A kind of fault.

    Attributes:
        name: on the command line and of its files.
        title: in the document.
        whole: how many cases a whole campaign has.
        run: given a seed, numbers of cases and an empty folder, yields the cases as they are done.
        told: in the document, what is done and what counts as right.
    """

    name: str
    title: str
    whole: int
    run: Callable[[int, Sequence[int], Path], Iterator[Case]]
    told: str

    def cases(self, share: float) -> Sequence[int]:
        """Numbers of the cases that a share of the whole has, at least one."""
        return range(max(1, round(self.whole * share)))


def one_line(text: str, most: int = 400) -> str:
    """A message as it stands in a table: the lines that say what is wrong, in one."""
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines()]
    telling = [line for line in lines if line.startswith(("error:", "ERROR:", "interrupted:"))] or lines[-2:]
    return " / ".join(line for line in telling if line)[:most]
