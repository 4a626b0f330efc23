"""``wsdkd export`` from the folders that students lie in."""

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.serving.fake_students import promote
from tests.serving.small_project import make_project
from wsdkd.cli.main import app
from wsdkd.ground.errors import UserError
from wsdkd.serving.store import Store

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("made")
    make_project(root, 6)
    promote(Store(root / "models/promoted"), root / "models/good")
    return root


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, ["export", *map(str, arguments)])
    if isinstance(result.exception, UserError):
        raise result.exception
    return result


@pytest.mark.parametrize("folder", ["models/student", "models/promoted"])
def test_a_student_is_exported_and_checked(made: Path, tmp_path: Path, folder: str) -> None:
    result = run(made / folder, "--to", tmp_path / "student.onnx")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "student.onnx").stat().st_size > 10_000
    assert "takes uint8 (B, 3, 32, 32), gives probabilities of 3 classes" in result.stdout
    difference = float(result.stdout.split("greatest difference from PyTorch:")[1])
    assert difference < 1e-5


def test_other_names_and_folders_are_refused(made: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"student\.bin: expected a name that ends in \.onnx"):
        run(made / "models/student", "--to", tmp_path / "student.bin")
    with pytest.raises(UserError, match=r"there is no folder .*/out; make it: mkdir -p .*/out"):
        run(made / "models/student", "--to", tmp_path / "out/student.onnx")
    with pytest.raises(UserError, match=r"nothing: no such folder; expected promoted"):
        run(tmp_path / "nothing", "--to", tmp_path / "student.onnx")


def test_a_student_is_exported_in_8_bits(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = tmp_path / "small.onnx"
    result = run(made / "models/good", "--to", small, "--int8", "--pictures", made / "pictures")
    assert result.exit_code == 0, result.output
    assert "decisions on 6 pictures as PyTorch takes them: " in result.stdout
    run(made / "models/good", "--to", tmp_path / "whole.onnx")
    assert small.stat().st_size < (tmp_path / "whole.onnx").stat().st_size
    with pytest.raises(UserError, match=r"--pictures: only a network in 8 bits needs them; add --int8"):
        run(made / "models/good", "--to", small, "--pictures", made / "pictures")
    monkeypatch.chdir(tmp_path)  # a working copy may have run the pipeline
    with pytest.raises(UserError, match=r"there is no data/prepared/images\.parquet; go to the project's"):
        run(made / "models/good", "--to", small, "--int8")
    monkeypatch.chdir(made)
    with pytest.raises(UserError, match=r"show the range of each layer: none found"):
        run("models/good", "--to", small, "--int8")
    (made / "pictures/broken.png").write_text("no picture")
    with pytest.raises(UserError, match=r"broken\.png: .*; name other pictures: --pictures FOLDER"):
        run("models/good", "--to", small, "--int8", "--pictures", "pictures/broken.png")
