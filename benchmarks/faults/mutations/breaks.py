"""Ways to break one file, each drawn from a seed: bytes, lines, values, and what lies there in its place."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

JUNK = (
    b"\x00",
    b"\xff\xfe",
    b'"',
    b",,;",
    b"\n",
    b"[[",
    b"{",
    b"null",
    b"1e999",
    b"NaN",
    b"../../x",
    b"9" * 400,
)
"""What is put into files of text."""

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**400,
    1e308,
    "",
    "0",
    "\ud800",
    "a\0b",
    "x" * 5000,
    [],
    {},
    [[]],
)
"""What takes the place of a value of JSON."""

Break = Callable[[Path, Random], None]


def flip(path: Path, rng: Random) -> None:
    """Some bits, side by side or apart."""
    content = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 1, 1, 2, 8)) if content else 0):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def scramble(path: Path, rng: Random) -> None:
    """A few bytes become others."""
    content = bytearray(path.read_bytes())
    length = rng.randint(1, 16)
    start = rng.randrange(len(content) + 1)
    content[start : start + length] = rng.randbytes(len(content[start : start + length]))
    path.write_bytes(content)


def zeros(path: Path, rng: Random) -> None:
    """A stretch of zeros, as of a block that never reached the disk."""
    content = bytearray(path.read_bytes())
    start, length = rng.randrange(len(content) + 1), rng.choice((16, 512, 4096))
    content[start : start + length] = bytes(len(content[start : start + length]))
    path.write_bytes(content)


def cut(path: Path, rng: Random) -> None:
    """The end is missing."""
    content = path.read_bytes()
    path.write_bytes(content[: rng.randrange(len(content) + 1)])


def insert(path: Path, rng: Random) -> None:
    """Something is put in."""
    content = path.read_bytes()
    at = rng.randrange(len(content) + 1)
    put = rng.choice((rng.choice(JUNK), rng.randbytes(rng.randint(1, 6))))
    path.write_bytes(content[:at] + put + content[at:])


def double(path: Path, rng: Random) -> None:
    """A part stands there twice."""
    content = path.read_bytes()
    path.write_bytes(content + content[rng.randrange(len(content) + 1) :])


def empty(path: Path, _: Random) -> None:
    """Nothing is in it."""
    path.write_bytes(b"")


def remove(path: Path, _: Random) -> None:
    """There is no file."""
    path.unlink()


def folder(path: Path, _: Random) -> None:
    """A folder has its name."""
    path.unlink()
    path.mkdir()


def pipe(path: Path, _: Random) -> None:
    """A pipe has its name, into which nobody writes."""
    path.unlink()
    os.mkfifo(path)


def ring(path: Path, _: Random) -> None:
    """A symbolic link to itself has its name."""
    path.unlink()
    path.symlink_to(path)


def neighbour(path: Path, rng: Random) -> None:
    """Another file of its folder has taken its place."""
    others = sorted(each for each in path.parent.iterdir() if each.is_file() and each != path)
    path.write_bytes(rng.choice(others).read_bytes() if others else b"")


def nested(path: Path, rng: Random) -> None:
    """Brackets within brackets, more than any stack holds."""
    path.write_bytes(rng.choice((b"[", b'{"a":', b"<a>")) * 50_000)


def value(path: Path, rng: Random) -> None:
    """A value of a JSON file becomes an odd one; other files get something put in."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        insert(path, rng)
        return
    spots: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            spots.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    if isinstance(content, dict | list):
        walk(content)
    if spots:
        node, key = rng.choice(spots)
        node[key] = rng.choice(ODD)
    path.write_text(json.dumps(content), encoding="utf-8")


def word(path: Path, rng: Random) -> None:
    """A word or number of a text becomes another one of it; other files get bits flipped."""
    try:
        text = path.read_bytes().decode("ascii")
    except UnicodeDecodeError:
        flip(path, rng)
        return
    words = text.split()
    if words:
        text = text.replace(rng.choice(words), rng.choice((*words, "-1", "0", "1e999", "nan", "")), 1)
    path.write_text(text, encoding="ascii")


RARE: tuple[Break, ...] = (empty, remove, folder, pipe, ring, neighbour, nested)
OFTEN: tuple[Break, ...] = (flip, flip, flip, scramble, zeros, cut, insert, double, value, value, word)


def drawn(rng: Random) -> Break:
    """One of them; those that leave nothing of a file are tried less often."""
    return rng.choice(RARE) if rng.random() < 0.15 else rng.choice(OFTEN)
