"""Packages for a machine without network: collected as wheels here, unpacked and imported there.

Nothing but the standard library is imported, as nothing else need be there yet. What a machine has already is
left as it is: a package of the bundle is looked for after its own.
"""

import atexit
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

LOCK = Path("requirements.lock")
PACKAGES = (
    "pydantic",
    "pydantic-core",
    "annotated-types",
    "typing-inspection",
    "typing-extensions",
    "jaxtyping",
    "wadler-lindig",
    "ruamel-yaml",
    "defusedxml",
)
"""What is imported here besides torch, torchvision, timm, accelerate, h5py, pyarrow, SciPy, OpenCV, and what
these need."""
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


def pinned(lock: str) -> list[str]:
    """Those of :data:`PACKAGES` that a lock file pins, as it pins them.

    Args:
        lock: its text.
    """
    found = []
    for line in lock.splitlines():
        requirement = line.split(";")[0].split("#")[0].strip()
        name, sign, _ = requirement.partition("==")
        if sign and _plain(name) in PACKAGES:
            found.append(requirement)
    return found


def collect(folder: Path, python: str) -> None:
    """Download the wheels into a folder.

    Args:
        folder: made if missing.
        python: version of the machine that they are for, such as 3.12.

    Raises:
        subprocess.CalledProcessError: pip says why.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--python-version", python, "--implementation", "cp", "--dest", str(folder)]
    command += [word for name in PLATFORMS for word in ("--platform", name)]
    subprocess.run([*command, *pinned(LOCK.read_text(encoding="utf-8"))], check=True)


def use(folder: Path) -> Path:
    """Make the packages of a bundle importable for as long as this process runs.

    Returns:
        The folder that they are unpacked in.
    """
    site = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, site, ignore_errors=True)
    for wheel in sorted(folder.glob("*.whl")):
        with ZipFile(wheel) as file:
            file.extractall(site)
    sys.path.append(str(site))
    return site


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
