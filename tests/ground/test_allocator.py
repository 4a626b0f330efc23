"""Memory that one step of training has freed serves the next."""

import os
import platform
import subprocess
import sys

import pytest

from wsdkd.ground.allocator import CHOICES, keep_freed_memory

# Ten blocks of 16 MB, one after the other, each written to: the pages that the kernel had to bring.
FAULTS = """
import resource
{before}
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray(1 << 24)
start = faults()
for _ in range(10):
    bytes(bytearray(b"x") * (1 << 24))
print(faults() - start)
"""

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the settings are those of glibc")


def test_freed_blocks_are_used_again() -> None:
    assert _faults("import wsdkd") * 3 < _faults("")


@pytest.mark.parametrize("variable", CHOICES)
def test_the_users_own_choice_stands(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "0")
    assert not keep_freed_memory()


def _faults(before: str) -> int:
    environment = {name: value for name, value in os.environ.items() if name not in CHOICES}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS.format(before=before)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)
