"""A training stage as DVC runs it: what it leaves behind, and what it goes on with."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from stages import distill_features, distill_predictions, train_baseline, train_teacher
from stages.inputs import Inputs, read_inputs
from stages.training import TrainingStage, states_of
from tests.training.small_world import CLASSES, make_world
from wsdkd import project
from wsdkd.data.tables import read_images, write_classes, write_images
from wsdkd.ground.errors import UserError
from wsdkd.proposals.stored import write_proposals
from wsdkd.student.network import load_student
from wsdkd.training.course import Course, Images
from wsdkd.training.record import Resume

ROOT = Path(__file__).parents[2]
PARAMS = """
dataset: {format: table, root: pictures}
student: {network: {weights: null, stages: 3, stride: 8}, input_size: 32, dropout: 0.0}
baseline: {regions: 2}
distill_features: {recipe: regions, training: {epochs: 2, batch_size: 4}}
distill_predictions: {training: {epochs: 1, batch_size: 4}}
evaluation: {threshold: 0.5}
"""


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The parameters of a small project, in which the test works."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    (tmp_path / "pictures").mkdir()
    (tmp_path / "inputs/weights/student").mkdir(parents=True)
    world = make_world(tmp_path / "pictures")
    rows = world.rows
    write_proposals(project.PROPOSALS, ((row.image_id, *world.proposals.of(row.image_id)) for row in rows))
    held_out = [replace(row, split="val") for row in rows[:4]]
    write_images(project.IMAGES, sorted([*held_out, *rows[4:]], key=lambda row: row.image_id))
    write_classes(project.CLASSES, CLASSES)
    (tmp_path / "params.yaml").write_text(PARAMS)
    return tmp_path / "params.yaml"


def meanwhile(change: Callable[[Course], None]) -> TrainingStage:
    """The stage ``train_baseline``, during which something happens."""

    def make(images: Images) -> Course:
        course = train_baseline.baseline(images)
        change(course)
        return course

    return replace(train_baseline.STAGE, make=make)


def never(_batch: object) -> None:
    raise AssertionError("it trains again")


@pytest.mark.usefixtures("params")
def test_a_label_beyond_the_classes_is_refused_before_anything_is_trained() -> None:
    write_classes(project.CLASSES, CLASSES[:-1])
    with pytest.raises(UserError, match=r"images.parquet: row \d+: labels has a class beyond classes.json"):
        train_baseline.STAGE.train()
    assert states() == []


@pytest.mark.usefixtures("params")
@pytest.mark.parametrize(("before", "said"), [(1, True), (2, False), (3, False)])
def test_more_epochs_than_before_are_no_continuation_and_it_says_so(
    before: int, said: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    project.LOCK.write_text(
        "stages: {train_baseline: {params: {params.yaml: "
        f"{{distill_features.training: {{epochs: {before}, batch_size: 4}}}}}}}}}}"
    )
    train_baseline.STAGE.train()
    told = "baseline: distill_features.training.epochs was 1 and is 2 now: all 2 are trained"
    assert (told in capsys.readouterr().err) == said


@pytest.mark.usefixtures("params")
@pytest.mark.parametrize(
    ("stage", "learned"),
    [
        (train_teacher.STAGE, {"train"}),
        (train_baseline.STAGE, {"train"}),
        (distill_features.STAGE, {"train", "unlabelled"}),
        (distill_predictions.STAGE, {"train", "unlabelled"}),
    ],
)
def test_students_of_a_teacher_alone_see_images_without_labels(
    stage: TrainingStage, learned: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = read_images(project.IMAGES)
    places = [place for place, row in enumerate(rows) if row.split == "train"][::2]
    hidden = {
        place: replace(rows[place], split="unlabelled", labels=(), ignored=(0, 1, 2)) for place in places
    }
    write_images(project.IMAGES, [hidden.get(place, row) for place, row in enumerate(rows)])
    seen: list[Images] = []

    class SeenError(Exception):
        pass

    def make(images: Images) -> Course:
        seen.append(images)
        raise SeenError

    monkeypatch.setattr("stages.training.read_inputs", lambda _: None)
    with pytest.raises(SeenError):
        replace(stage, make=make).train()
    assert {row.split for row in seen[0].train} == learned
    assert len(seen[0].train) == (8 if "unlabelled" in learned else 4)
    ids = [row.image_id for row in seen[0].train]
    assert ids == sorted(ids)


def states() -> list[Path]:
    return sorted(project.RESUME.glob("train_baseline/*/*"))


def test_a_parameter_that_is_changed_meanwhile_costs_seconds_when_it_is_changed_back(params: Path) -> None:
    def edit(_course: Course) -> None:
        params.write_text(PARAMS.replace("dropout: 0.0", "dropout: 0.5"))

    with pytest.raises(
        UserError, match=r"student\.dropout: changed from 0\.0 to 0\.5 while stage train_base"
    ):
        meanwhile(edit).train()
    assert len(states()) == 2  # of both phases
    params.write_text(PARAMS)

    def forbid(course: Course) -> None:
        course.phases[0].task.objective.forward = never

    meanwhile(forbid).train()
    assert list(load_student(project.BASELINE).classes) == CLASSES
    assert not states()


def test_a_parameter_of_another_stage_may_change_meanwhile(params: Path) -> None:
    def edit(_course: Course) -> None:
        params.write_text(PARAMS.replace("threshold: 0.5", "threshold: 0.4"))

    meanwhile(edit).train()
    assert (project.CURVES / "baseline").is_dir()
    assert not states()


def test_states_of_other_inputs_go_and_the_first_process_alone_removes_them(
    params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = project.RESUME / "train_baseline/0123456789abcdef/phase-0.pt"
    old.parent.mkdir(parents=True)
    old.write_text("of other inputs")
    monkeypatch.setenv("RANK", "1")
    first = states_of(read_inputs("train_baseline"))
    mine = project.RESUME / "train_baseline/of the summer"
    Resume(mine).save(0, {"epoch": 1})
    assert old.exists()
    monkeypatch.setenv("RANK", "0")
    assert states_of(read_inputs("train_baseline")).folder == first.folder
    assert not old.parent.exists()
    assert (mine / "phase-0.pt").exists()
    params.write_text(PARAMS.replace("dropout: 0.0", "dropout: 0.5"))
    assert states_of(read_inputs("train_baseline")).folder != first.folder


def _begin(rank: int, inputs: Inputs, start: Barrier) -> None:
    os.environ["RANK"] = str(rank)
    start.wait()
    states_of(inputs)


@pytest.mark.usefixtures("params")
def test_two_processes_that_start_together_do_not_stumble_over_old_states() -> None:
    for place in range(200):
        old = project.RESUME / f"train_baseline/{place:016x}/phase-0.pt"
        old.parent.mkdir(parents=True)
        old.touch()
    context = get_context("fork")
    start = context.Barrier(2)
    inputs = read_inputs("train_baseline")
    both = [context.Process(target=_begin, args=(rank, inputs, start)) for rank in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert not list((project.RESUME / "train_baseline").iterdir())


def test_what_it_depends_on_and_lacks_is_named(params: Path) -> None:
    shutil.rmtree(params.parent / "inputs/weights/student")
    with pytest.raises(
        UserError, match=r"^inputs/weights/student: missing, and stage train_baseline depends"
    ):
        train_baseline.STAGE.train()
