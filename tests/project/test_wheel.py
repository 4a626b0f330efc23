"""The package as pip installs it from a wheel: what is in it, and a project begun and run with it alone."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.pipeline.clone import Clone, git, stages_run

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Project:
    """A project begun by ``wsdkd init``, and the environment with the installed package."""

    root: Path
    python: Path

    def run(self, *command: str) -> str:
        """Run a command of the environment here, outside of every clone; that it fails fails the test."""
        environment = Clone(self.root).environment()
        environment["PATH"] = f"{self.python.parent}{os.pathsep}{environment['PATH']}"
        done = subprocess.run(
            [shutil.which(command[0], path=environment["PATH"]) or command[0], *command[1:]],
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def outputs(self) -> dict[str, str]:
        """What the stages wrote: digests by path."""
        return outputs(self.root / "dvc.lock")


def outputs(lock: Path) -> dict[str, str]:
    """Digests, by path, of what the stages wrote, as DVC recorded them."""
    stages = YAML(typ="safe", pure=True).load(lock.read_text())["stages"].values()
    return {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", [])}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's files without those that no installed package needs; building leaves traces there."""
    folder = tmp_path_factory.mktemp("source")
    for name in git(ROOT, "ls-files", "-z").split("\0")[:-1]:
        if not name.startswith(("benchmarks/", "docs/", "tests/")) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    return _wheel(source)


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments]
    without = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, env=without, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _wheel(source: Path) -> Path:
    made = source.parent / f"{source.name}-wheel"
    _pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", f"--wheel-dir={made}", str(source))
    (wheel,) = made.iterdir()
    return wheel


@pytest.fixture(scope="module")
def begun(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project on the smoke profile, by a fresh environment that has the wheel.

    What the package needs comes from the environment that runs the tests.
    """
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder / "venv", symlinks=True)
    python = folder / "venv/bin/python"
    _pip("--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "venv/lib" / version / "site-packages"
    (packages / "running.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    outside = Project(folder, python)
    outside.run("wsdkd", "init", "demo")
    project = Project(folder / "demo", python)
    assert str(folder) in project.run("python", "-c", "import wsdkd; print(wsdkd.__file__)")
    project.run("wsdkd", "profile", "use", "scenes-smoke")
    return project


def test_the_wheel_holds_the_package_its_types_and_a_new_project(wheel: Path, source: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert {name.split("/")[0].split("-")[0] for name in names} == {"wsdkd"}
        assert "wsdkd/py.typed" in names
        templates = {path.relative_to(source).as_posix() for path in source.glob("wsdkd/**/templates/*")}
        assert "wsdkd/pages/templates/base.html" in templates
        assert templates <= set(names)
        for name in ("dvc.yaml", ".dvc/config", ".gitignore", "stages/code.py", "profiles/coco.yaml"):
            assert archive.read(f"wsdkd/new_project/{name}") == (source / name).read_bytes()
        modules = {name for name in names if name.endswith(".py") and "/new_project/" not in name}
    assert modules == {path.relative_to(source).as_posix() for path in source.glob("wsdkd/**/*.py")}


def test_a_source_distribution_builds_the_same_wheel(wheel: Path, source: Path, tmp_path: Path) -> None:
    build = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=source, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        # Python 3.11 has filters from 3.11.4 on; 3.14 wants one.
        opened.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    again = _wheel(tmp_path / archive.name.removesuffix(".tar.gz"))
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert one.namelist() == other.namelist()
        for name in one.namelist():
            assert one.read(name) == other.read(name), name


def test_profiles_are_there_and_valid(begun: Project) -> None:
    profiles = sorted(path.name for path in (ROOT / "profiles").glob("*.yaml"))
    checked = [f"profiles/{name}: ok" for name in profiles]
    assert begun.run("wsdkd", "profile", "check").splitlines() == [*checked, "params.yaml: ok"]
    assert "voc2007" in begun.run("wsdkd", "profile", "list")


def test_the_installed_package_s_stages_are_the_clone_s(
    begun: Project, smoke: Clone, smoke_lock: Path
) -> None:
    """With the clone's cache at hand DVC knows every result, so all that went into it is the same."""
    shutil.copytree(smoke.root / ".dvc/cache", begun.root / ".dvc/cache")
    log = begun.run("python", "-m", "dvc", "repro")
    computed = {line.split("'")[1] for line in log.splitlines() if line.startswith("Running stage")}
    # code asks the package each time; the others are marked persist, and DVC takes none such from its cache.
    assert computed == {"code", "draw_scenes@scenes", "evaluate"}
    assert begun.outputs() == outputs(smoke_lock)
    assert stages_run(begun.run("python", "-m", "dvc", "repro")) == {"code"}
    begun.run("git", "add", ".")
    kept = set(begun.run("git", "ls-files").split())
    assert {name for name in kept if name.startswith(("data/", "models/", "reports/"))} == {"data/README.md"}


@pytest.mark.long
def test_dvc_repro_gives_the_clone_s_result(begun: Project, smoke: Clone, smoke_lock: Path) -> None:
    shutil.rmtree(begun.root / ".dvc/cache", ignore_errors=True)
    assert len(stages_run(begun.run("python", "-m", "dvc", "repro", "--force"))) == len(
        YAML(typ="safe", pure=True).load(smoke_lock.read_text())["stages"]
    )
    assert begun.outputs() == outputs(smoke_lock)
    ours, theirs = (
        json.loads((root / "reports/metrics.json").read_text()) for root in (begun.root, smoke.root)
    )
    assert ours["student"] == theirs["student"]
    assert "student" in begun.run("wsdkd", "show")
