"""Memory that one step of training has freed serves the next."""

import os
import platform
import subprocess
import sys

import pytest

from wsdkd.ground.allocator import CHOICES, keep_freed_memory

# Ten blocks of one size, one after the other, each written to: the pages that the kernel had to bring.
FAULTS = """
import resource
{before}
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray({size})
start = faults()
for _ in range(10):
    bytes(bytearray(b"x") * {size})
print(faults() - start)
"""

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the settings are those of glibc")


@pytest.mark.parametrize("megabytes", [16, 80])  # 80: the widest map of 32 pictures at 160 px
def test_freed_blocks_are_used_again(megabytes: int) -> None:
    assert _faults("import wsdkd", megabytes) * 3 < _faults("", megabytes)


@pytest.mark.parametrize("variable", CHOICES)
def test_the_users_own_choice_stands(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "0")
    assert not keep_freed_memory()


def _faults(before: str, megabytes: int) -> int:
    environment = {name: value for name, value in os.environ.items() if name not in CHOICES}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS.format(before=before, size=megabytes << 20)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)
