"""Digests against those of the system's own program, and of a text written by hand."""

import shutil
import subprocess
from pathlib import Path

import pytest

from wsdkd.ground.digests import digest, sha256


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="there is no sha256sum here")
@pytest.mark.parametrize("size", [0, 1, 3_000_001])
def test_a_files_digest_is_that_of_sha256sum(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * (size // 256) + bytes(size % 256))
    told = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout
    assert told.split()[0] == sha256(path)


def test_a_values_digest_is_that_of_its_json(tmp_path: Path) -> None:
    (tmp_path / "value").write_text('{"a":[1,null],"é":"x"}', encoding="utf-8")
    assert digest({"é": "x", "a": [1, None]}) == sha256(tmp_path / "value")
    assert digest({"a": [1, None], "é": "x"}) == digest({"é": "x", "a": (1, None)})
    assert digest([1, 2]) != digest([2, 1])
