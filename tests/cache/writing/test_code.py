"""The digest of the code behind a cache."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wsdkd.cache.writing import code
from wsdkd.cache.writing.code import FORWARD_CODE, code_digest

ROOT = Path(__file__).parents[3]
DIGEST = """
import hashlib, json
def digest(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
"""


def test_code_counts_with_all_that_it_imports_but_not_its_comments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "fingerprinted"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "first.py").write_text('"""First."""\nfrom fingerprinted import second\nX = second.Y\n')
    (package / "second.py").write_text("from fingerprinted.third import Z\nY = Z\n")
    (package / "third.py").write_text("Z = 1\n")
    (package / "apart.py").write_text("A = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def now() -> str:
        return code_digest(["fingerprinted.first"])

    before = now()
    (package / "first.py").write_text(
        '"""Told anew."""\n# why\nfrom fingerprinted import second\n\nX = second.Y\n'
    )
    (package / "apart.py").write_text("A = 2\n")
    assert now() == before
    (package / "third.py").write_text("Z = 2\n")
    assert now() != before
    assert "fingerprinted" not in sys.modules


def test_the_forward_code_is_found() -> None:
    assert all(code_digest([module]) != code_digest([]) for module in FORWARD_CODE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x = 1", "x = True"),
        ("x = 1", "x = 1.0"),
        ("x = a - (b - c)", "x = a - b - c"),
        ("x = f'{a!r:>{b}}'", "x = f'{a!s:>{b}}'"),
        ("def f(a, b=None): ...", "def f(a, b=0): ..."),
        ("x = {**a, 'b': 1}", "x = {a: 1, 'b': 1}"),
        ("x = [1, 2]", "x = [2, 1]"),
    ],
)
def test_what_does_something_else_has_another_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    digests = set()
    for text in (before, after, before):
        (tmp_path / "digested").mkdir(exist_ok=True)
        (tmp_path / "digested/__init__.py").write_text(text)
        digests.add(code_digest(["digested"]))
    assert len(digests) == 2


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_another_python_finds_the_same_digest(version: str) -> None:
    """A cache that was made with one Python serves a student on another."""
    python = shutil.which(f"python{version}")
    source = Path(code.__file__).read_text(encoding="utf-8")
    # Of the project's dependencies this interpreter need have none: json and hashlib make a digest.
    alone = source.replace("from wsdkd.ground.digests import digest", DIGEST)
    assert alone != source
    program = f"{alone}\nprint(code_digest(FORWARD_CODE))"
    done = None
    if python is not None:
        done = subprocess.run([python, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    if done is None or done.returncode == 127:
        pytest.skip(f"no Python {version} here")
    assert done.stdout.strip() == code_digest(FORWARD_CODE), done.stderr
