"""Compiled code of the package, where the shell limits the size of files."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import wsdkd


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))


def test_no_module_is_left_cut_off(tmp_path: Path) -> None:
    package = Path(wsdkd.__file__).parent
    shutil.copytree(package, tmp_path / "wsdkd", ignore=shutil.ignore_patterns("__pycache__"))
    # Of the modules that this loads, several are larger than the limit when they are compiled.
    command = [sys.executable, "-c", "import wsdkd.training.views, wsdkd.datasets.coco"]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = {**kept, "PYTHONPATH": str(tmp_path)}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, preexec_fn=_limited)
    written = sorted(tmp_path.rglob("*.pyc"))
    assert all(path.stat().st_size < 8192 for path in written)
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    assert max(path.stat().st_size for path in tmp_path.rglob("*.pyc")) > 8192
