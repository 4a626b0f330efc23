"""Puts the files that a project begins with into the package, from where `wsdkd init` lays them down.

They are the repository's own, listed in pyproject.toml ([tool.wsdkd]): a copy within the package would have
to be kept equal by hand. An editable install needs none, as `wsdkd init` finds them in the clone.
"""

import shutil
import tomllib
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent


def project_files() -> list[str]:
    """Of a new project, relative to the repository."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["wsdkd"]
    found = [path for pattern in patterns["new-project"] for path in sorted(ROOT.glob(pattern))]
    return [path.relative_to(ROOT).as_posix() for path in found]


class WithProject(build_py):
    """The package, and in it the folder new_project."""

    def run(self) -> None:
        """Copy the modules, then the files of a new project."""
        super().run()
        if self.editable_mode:
            return
        folder = Path(self.build_lib, "wsdkd/new_project")
        shutil.rmtree(folder, ignore_errors=True)  # of an earlier build, with files that are gone since
        for name in project_files():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)

    def get_source_files(self) -> list[str]:
        """What a source distribution holds, too, so that the same wheel comes from it."""
        return [*super().get_source_files(), *project_files()]


setup(cmdclass={"build_py": WithProject})
