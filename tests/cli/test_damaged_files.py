"""Whatever lies where a file of the project should be, a command says so in one line that names the file."""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cache import synthetic_teacher as synthetic
from tests.evaluation.small_report import small_report
from tests.serving.fake_students import promote
from tests.serving.small_project import make_project
from wsdkd.cli.main import main
from wsdkd.data.tables import write_classes, write_images
from wsdkd.evaluation.files import write_report
from wsdkd.proposals.stored import write_proposals
from wsdkd.serving.store import Store

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 20

COMMANDS = {
    "params.yaml": ["profile check", "promoted consider"],
    "profiles/scenes.yaml": ["profile check", "profile list", "profile show scenes", "profile use scenes"],
    "dvc.yaml": ["show regions --prepared cached --to page.png"],
    "data/prepared/images.parquet": ["promoted consider", "cache estimate"],
    "data/prepared/classes.json": ["promoted consider", "cache estimate"],
    "data/proposals/part-00000.parquet": ["cache estimate --prepared cached"],
    "data/teacher_cache/cache.json": ["cache info", "cache verify", "show regions --prepared cached"],
    "data/teacher_cache/images.parquet": ["cache verify", "show regions --prepared cached"],
    "data/teacher_cache/shard-00001.h5": ["cache verify", "show regions --prepared cached"],
    "cached/images.parquet": ["show regions --prepared cached"],
    "models/student/model.json": ["predict pictures/0.png --model student", "promoted consider"],
    "models/student/model.safetensors": ["predict pictures/0.png --model student", "promoted consider"],
    "models/promoted/promoted.json": ["promoted list", "promoted rollback", "predict pictures/0.png"],
    "models/promoted/versions/0001/metrics.json": ["promoted list", "promoted show"],
    "models/promoted/versions/0001/provenance.json": ["promoted show", "predict pictures/0.png"],
    "models/promoted/versions/0001/model.json": ["promoted show", "predict pictures/0.png"],
    "reports/metrics.json": ["show"],
    "pictures/0.png": ["predict pictures/0.png --model student"],
}


def garbage(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(2000))


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def nested(path: Path) -> None:
    path.write_bytes(b"[" * 20_000)


def other_encoding(path: Path) -> None:
    path.write_bytes("gr\u00fcn: \u00fc".encode("latin-1"))


def null(path: Path) -> None:
    path.write_bytes(b"null")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGES = (garbage, half, nested, other_encoding, null, folder, pipe)
HARMLESS = {
    # Half a list of stages is one, and a profile that is none is listed and shown as it is.
    ("dvc.yaml", half): COMMANDS["dvc.yaml"],
    **{("profiles/scenes.yaml", each): ["profile list", "profile show scenes"] for each in DAMAGES},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made") / "project"
    make_project(root, 6)
    promote(Store(root / "models/promoted"), root / "models/good")
    (root / "profiles").mkdir()
    shutil.copy(ROOT / "profiles/scenes.yaml", root / "profiles")
    shutil.copy(ROOT / "dvc.yaml", root)
    cached = synthetic.make_rows(12)
    box = np.array([[0, 0, 9, 9]], np.float32), np.ones(1, np.float32)
    write_proposals(root / "data/proposals", ((row.image_id, *box) for row in cached))
    write_images(root / "cached/images.parquet", cached)
    write_classes(root / "cached/classes.json", synthetic.CLASSES)
    for row in cached:
        Image.new("RGB", (row.width, row.height)).save(root / "pictures" / row.path)
    synthetic.write(root / "data/teacher_cache", root / "scratch", cached)
    write_report(root / "reports/metrics.json", small_report())
    return root


@pytest.fixture
def damaged(
    made: Path, name: str, damage: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """The project is the current folder, and the file whole again afterwards: no command changes another."""
    monkeypatch.chdir(made)
    monkeypatch.setenv("WSDKD_DEBUG", "")
    path = made / name
    whole = path.read_bytes()
    damage(path)
    yield
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.write_bytes(whole)


@pytest.fixture
def alarm() -> Iterator[None]:
    """Ends a command that waits for what never comes."""

    def ring(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, ring)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("damaged", "alarm")
@pytest.mark.parametrize("damage", DAMAGES, ids=[damage.__name__ for damage in DAMAGES])
@pytest.mark.parametrize("name", COMMANDS)
def test_one_line_with_the_file(
    name: str,
    damage: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in COMMANDS[name]:
        monkeypatch.setattr(sys, "argv", ["wsdkd", *command.split()])
        signal.alarm(MOST_SECONDS)
        with pytest.raises(SystemExit) as ended:
            main()
        signal.alarm(0)
        said = capsys.readouterr().err
        if ended.value.code == 0 and command in HARMLESS.get((name, damage), ()):
            continue
        assert ended.value.code == 1, (command, said)
        assert "Traceback" not in said
        assert "a defect of wsdkd" not in said
        stem = Path(name).name.partition(".")[0]
        told = [line for line in said.replace("\r", "\n").splitlines() if stem in line]
        assert told, (command, said)
        assert all(len(line) < 500 for line in told), (command, said)
