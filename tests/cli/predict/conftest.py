"""A project whose student tells colours apart, and a folder of pictures and other things."""

from pathlib import Path

import pytest

from tests.cli.predict.predicting import PICTURES
from tests.serving.fake_students import promote
from tests.serving.small_project import make_project
from wsdkd.serving.store import Store


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    make_project(root, PICTURES)
    promote(Store(root / "models/promoted"), root / "models/good")
    return root


@pytest.fixture
def mixed(made: Path, tmp_path: Path) -> Path:
    """A folder with a space in its name: three pictures, two that are damaged, and other files."""
    folder = tmp_path / "my pictures"
    (folder / "deep er").mkdir(parents=True)
    for number, name in enumerate(["a red one.png", "green, so to say.png", "deep er/blau \u00e4.png"]):
        (folder / name).write_bytes((made / "pictures" / f"{number}.png").read_bytes())
    (folder / "cut short.png").write_bytes((made / "pictures" / "3.png").read_bytes()[:-300])
    (folder / "empty.jpg").touch()
    for name in ("notes.txt", "Thumbs.db"):
        (folder / name).write_text("no picture")
    return folder


@pytest.fixture
def model(made: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "100")
    return str(made / "models/good")
