"""``wsdkd promoted`` in a project of small networks."""

import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.cli.promotions import IMAGES, ROOT, asked, consider, promote_unmeasured, run
from tests.serving.small_project import save_student, set_params, use_as_student
from tests.training.small_world import CLASSES, STUDENT
from wsdkd.cli.promoted import SOURCES
from wsdkd.cli.promoted import STUDENT as STUDENT_FOLDER
from wsdkd.data.tables import ImageRow, read_images, write_images
from wsdkd.ground.errors import UserError
from wsdkd.project import PROMOTED
from wsdkd.serving.consider import consider as consider_student
from wsdkd.serving.provenance import Code
from wsdkd.serving.store import Store
from wsdkd.student import run as student_run
from wsdkd.student.network import Student


def test_the_first_one_and_a_better_one_are_promoted(project: Path) -> None:
    first = consider()
    assert (first["decision"], first["version"], first["promoted"]) == ("promoted", 1, None)
    assert (first["metric"], first["split_size"]) == ("mAP", 24)
    use_as_student(project, "good")
    second = consider()
    assert (second["decision"], second["version"]) == ("promoted", 2)
    assert second["promoted"] == first["candidate"]
    assert second["candidate"]["mAP"] == second["candidate"]["OF1"] == 100
    assert second["difference"] == pytest.approx(100 - first["candidate"]["mAP"], abs=1e-3)
    assert 0 < second["interval"][0] <= second["difference"] <= second["interval"][1]
    assert Path("models/promoted/versions/0002/model.safetensors").read_bytes() == (
        Path("models/good/model.safetensors").read_bytes()
    )
    kept = json.loads(Path("models/promoted/versions/0002/metrics.json").read_text())
    assert kept.pop("digest")
    assert kept == second


def test_a_worse_one_is_refused_and_not_measured_twice(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_as_student(project, "good")
    consider()
    use_as_student(project, "bad")
    found = consider()
    assert (found["decision"], found["version"]) == ("refused", 1)
    assert found["difference"] < 0
    with monkeypatch.context() as patch:
        patch.setattr(student_run, "student_scores", lambda *_, **__: pytest.fail("a network was run"))
        assert consider() == found
    text = run("consider").stdout
    assert text.startswith("refused: models/student; version 1 stays in use\n  mAP ")
    # Measured again as soon as the circumstances are others.
    set_params(project, margin=1.0)
    assert "margin of 1 points" in consider()["reasons"][0]
    write_images(IMAGES, read_images(IMAGES)[:-1])
    assert consider()["split_size"] == 23


def test_what_is_promoted_already_stays(project: Path) -> None:
    promote_unmeasured(project, "good")
    found = consider()
    assert (found["decision"], found["version"], found["candidate"]) == ("unchanged", 1, None)
    assert consider("--force")["decision"] == "unchanged"


@pytest.mark.parametrize("case", ["unchanged", "refused before", "rolled back"])
def test_torch_is_not_loaded_where_nothing_is_measured(project: Path, case: str) -> None:
    promote_unmeasured(project, "good")
    if case == "refused before":
        use_as_student(project, "bad")
        assert consider()["decision"] == "refused"
    if case == "rolled back":
        promote_unmeasured(project, "bad")
        run("rollback")
    code = (
        "import sys; from wsdkd.cli.main import app\n"
        "try: app(['promoted', 'consider', '--json'])\n"
        "except SystemExit as ended: assert ended.code == 0\n"
        "assert not {'torch', 'torchvision', 'timm', 'accelerate'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout)["decision"] == ("unchanged" if case == "unchanged" else "refused")


def test_what_was_rolled_back_returns_by_force_alone(project: Path) -> None:
    promote_unmeasured(project, "bad")
    promote_unmeasured(project, "good")
    assert asked("rollback") == {"version": 1, "previous": 2}
    found = consider()
    assert (found["decision"], found["version"]) == ("refused", 1)
    assert "it is version 2, which was rolled back at 2" in found["reasons"][0]
    forced = consider("--force")
    assert (forced["decision"], forced["version"]) == ("promoted", 3)
    assert forced["reasons"][0] == found["reasons"][0]
    assert asked("show")["provenance"]["forced"]


def test_other_classes_need_force(project: Path) -> None:
    promote_unmeasured(project, "good")
    names = ["red", "blue", "yellow"]
    save_student(project / "models/student", Student(STUDENT, 3).eval(), names)
    with pytest.raises(UserError, match=r"trained on other classes than data/prepared/classes\.json"):
        consider()
    (project / "data/prepared/classes.json").write_text(json.dumps(names))
    found = consider()
    assert found["decision"] == "refused"
    assert "other classes than version 1 (new: yellow; gone: green)" in found["reasons"][0]
    assert "--force" in found["reasons"][0]
    forced = consider("--force")
    assert (forced["decision"], forced["version"], forced["promoted"]) == ("promoted", 2, None)
    assert forced["reasons"] == [*found["reasons"], "promoted all the same: --force"]


def test_a_class_that_matters(project: Path) -> None:
    promote_unmeasured(project, "good")
    use_as_student(project, "bad")
    set_params(project, classes=["red"])
    found = consider()
    change = found["classes"]["red"]
    assert change["promoted"] == 100
    assert change["loss"] == pytest.approx(100 - change["candidate"], abs=1e-3)
    assert any("class red: AP" in reason for reason in found["reasons"])
    set_params(project, classes=["reed"])
    with pytest.raises(UserError, match=r"promotion\.classes\.0: no class 'reed'; did you mean red\?"):
        consider()


def test_scores_that_are_not_finite_are_never_promoted(project: Path) -> None:
    model = Student(STUDENT, len(CLASSES))
    torch.nn.init.constant_(model.classifier.bias, float("nan"))
    save_student(project / "models/student", model)
    for options in ([], ["--force"]):
        found = consider(*options)
        assert (found["decision"], found["version"]) == ("refused", None)
        assert "not finite" in found["reasons"][0]
    assert "nothing is in use" in run("consider").stdout


@pytest.mark.usefixtures("project")
def test_without_validation_images() -> None:
    write_images(IMAGES, [])
    found = consider()
    assert (found["decision"], found["split_size"]) == ("refused", 0)
    assert "the validation split has no image" in found["reasons"][0]
    assert consider("--force")["decision"] == "promoted"
    assert "-" in run("list").stdout


def test_a_damaged_promoted_one_is_told_from_a_worse_one(project: Path) -> None:
    promote_unmeasured(project, "good")
    Path("models/promoted/versions/0001/model.safetensors").write_bytes(b"rot")
    use_as_student(project, "bad")
    with pytest.raises(UserError, match=r"version 1: .*: not the file that was promoted; go back .*--force"):
        consider()
    assert consider("--force")["version"] == 2


@pytest.mark.usefixtures("project")
def test_a_validation_picture_that_is_gone_is_named() -> None:
    Path("pictures/5.png").unlink()
    with pytest.raises(UserError, match=r"pictures/5\.png: cannot be read: .*; the dataset has changed"):
        consider()


def test_a_student_that_is_replaced_while_it_is_measured(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replaced(_: object, rows: list[ImageRow], *__: object, **___: object) -> np.ndarray:
        use_as_student(project, "good")
        return np.zeros((len(rows), 3))

    monkeypatch.setattr(student_run, "student_scores", replaced)
    with pytest.raises(
        UserError, match="models/student: changed while it was measured; run the command again"
    ):
        consider()
    assert asked("list") == []


@pytest.mark.usefixtures("project")
def test_two_at_once_promote_once() -> None:
    code, store = Code(commit=None, dirty=(), run=None), Store(PROMOTED)
    with ThreadPoolExecutor(2) as pool:
        # The lock holds between open files, be they of one process or of two.
        asked = [pool.submit(consider_student, STUDENT_FOLDER, store, SOURCES, code) for _ in range(2)]
    found = [each.result() for each in asked]
    assert sorted(each.decision for each in found) == ["promoted", "unchanged"]
    assert [each.version for each in found] == [1, 1]


def test_a_first_promotion_is_held_against_the_baseline(project: Path) -> None:
    def first() -> list[str]:
        shutil.rmtree(project / "models/promoted", ignore_errors=True)
        reasons: list[str] = consider()["reasons"]
        assert reasons[0] == "there is no promoted student to compare it with"
        return reasons[1:]

    assert first() == ["nor is there a baseline of these classes in models/baseline"]
    shutil.copytree(project / "models/good", project / "models/baseline")
    (warning,) = first()
    assert warning.startswith("warning: mAP ")
    assert "its own baseline 100.00 %: without a teacher it does as well, or better" in warning
    shutil.rmtree(project / "models/baseline")
    shutil.copytree(project / "models/bad", project / "models/baseline")
    use_as_student(project, "good")
    (figures,) = first()
    assert figures.startswith("mAP 100.00 % on the validation images, its own baseline ")
