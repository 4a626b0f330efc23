"""A process that unpacks: python -m tests.ground.unpacking_process SOURCE SHARED LOG [stops]

It says what the rows add up to, and ends when its input does. Each time that it makes the arrays, it adds a
line to LOG; with ``stops`` it says so, and waits in the middle.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from wsdkd.ground.spool import Layout, Spool
from wsdkd.ground.unpacked import Unpacking, unpack

LAYOUT: Layout = {"rows": (np.int64, 2), "places": (np.uint32, None)}
ROWS = 1000


def unpacking_of(source: Path, log: Path, stops: bool = False) -> Unpacking:
    """As many rows as the source has bytes, a thousandfold."""

    def fill(spools: Mapping[str, Spool]) -> None:
        with log.open("a") as file:
            file.write("made\n")
        for number, byte in enumerate(source.read_bytes()):
            spools["rows"].append(np.full((ROWS, 2), byte))
            spools["places"].append(np.arange(ROWS) + ROWS * number)
            if stops and number == 0:
                sys.stdout.write("half\n")
                sys.stdout.flush()
                sys.stdin.read()

    return Unpacking([source], "rows of a test", LAYOUT, fill)


def total(spools: Mapping[str, Spool]) -> int:
    """What all rows add up to, read and mapped."""
    rows = spools["rows"]
    assert spools["places"].mapped().tolist() == list(range(len(rows)))
    return int(rows[0 : len(rows)].sum())


if __name__ == "__main__":
    source, shared, log = map(Path, sys.argv[1:4])
    spools = unpack(unpacking_of(source, log, "stops" in sys.argv), source.parent, shared)
    sys.stdout.write(f"{total(spools)}\n")
    sys.stdout.flush()
    sys.stdin.read()
