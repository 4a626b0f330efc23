"""The stage from files to files, with untrained networks on a handful of pictures."""

import csv
import json
import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from stages import evaluate
from wsdkd import project
from wsdkd.data.annotations import ObjectRow, write_objects
from wsdkd.data.tables import ImageRow, read_images, write_classes, write_images
from wsdkd.datasets.audit.count import facts_of
from wsdkd.datasets.audit.facts import write_facts
from wsdkd.datasets.prepare import Prepared
from wsdkd.datasets.reading.rejections import Cause, Rejection
from wsdkd.evaluation import scoring as method
from wsdkd.evaluation.students import StudentSaid
from wsdkd.ground.errors import UserError
from wsdkd.networks.checkpoints import save_network
from wsdkd.proposals.stored import read_proposals, write_proposals
from wsdkd.settings.sections import parse_section
from wsdkd.student.network import Student, load_student
from wsdkd.student.params import StudentParams
from wsdkd.student.run import student_scores
from wsdkd.support import region_shares
from wsdkd.teacher.network import Wsddn, load_teacher
from wsdkd.teacher.params import TeacherParams
from wsdkd.teacher.run import PictureView, ProposedImages, run_teacher

CLASSES = ["bee", "cat", "dog", "yak"]  # no test image has a yak
NETWORK = {"weights": None, "stages": 3, "stride": 8}
TEACHER = {
    "network": NETWORK,
    "input_size": 48,
    "train_sizes": [48],
    "test_sizes": [48, 64],
    "test_mirrored": True,
    "proposals": 6,
    "roi": {"bins": 2},
    "hidden": 16,
    "training": {"epochs": 1},
}
CPU = {"device": torch.device("cpu"), "description": "test"}


class CacheOfTeacher:
    """Plain views straight from the teacher, where a stage reads them from the cache."""

    ranking = "scores"
    settings = {"cache": {"rois": 6}, "software": {"torch": "2.0.7"}}  # noqa: RUF012, never changed

    def __init__(self, _folder):
        loaded, rows = load_teacher(project.TEACHER), read_images(project.IMAGES, "train")
        proposals, root = read_proposals(project.PROPOSALS), Path("pictures")
        images = ProposedImages(rows, root, proposals)
        run = partial(run_teacher, loaded, images, PictureView(48, mirrored=False), batch_size=4)
        self.views = {image.image_id: image for image in run(**CPU)}
        for image in self.views.values():
            object.__setattr__(image, "shares", region_shares(self.ranking, image))

    def check(self, classes, rows):
        assert list(classes) == CLASSES
        assert [row.image_id for row in rows] == list(self.views)

    def best_of(self, rows, _root):
        views = [self.views[row.image_id] for row in rows]
        return (view.boxes[view.shares.argmax(axis=0)] for view in views)


def make_rows():
    rows = []
    for number in range(22):
        split = "train" if number < 6 else "test"
        labels = () if number == 21 else tuple(k for k in range(3) if (number >> k) & 1) or (1,)
        ignored = (2,) if number == 19 else ()  # whose labels are 0 and 1
        rows.append(
            ImageRow(f"image{number:02d}", f"{number}.png", 60, 40, split, labels, ignored, str(number))
        )
    return rows


def box_of(label):
    return (5.0 * label, 2.0, 5.0 * label + 30, 36.0)


@pytest.fixture
def working_copy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(evaluate, "TeacherCache", CacheOfTeacher)
    generator, rows = np.random.default_rng(0), make_rows()
    (tmp_path / "pictures").mkdir()
    for row in rows:
        pixels = generator.integers(0, 255, (row.height, row.width, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / row.path)
    write_images(project.IMAGES, rows)
    write_classes(project.CLASSES, CLASSES)
    gone = Rejection("image", "image99", "99.png", "cannot be read", Cause.MISSING)
    write_facts(project.AUDIT, facts_of(Prepared(tuple(CLASSES), tuple(rows), (), (gone,), 0)))
    annotate(rows)
    proposals = []
    for row in rows:
        boxes = np.array([box_of(label) for label in range(8)], np.float32)
        proposals.append((row.image_id, boxes, np.linspace(1, 0.1, 8, dtype=np.float32)))
    write_proposals(project.PROPOSALS, proposals)
    torch.manual_seed(0)
    teacher = parse_section({"teacher": TEACHER}, "teacher", TeacherParams)
    save_network(project.TEACHER, Wsddn(teacher, 4), "teacher", teacher, CLASSES)
    student = parse_section({"student": {"network": NETWORK, "input_size": 32}}, "student", StudentParams)
    for folder in (project.BASELINE, project.STUDENT):
        save_network(folder, Student(student, 4), "student", student, CLASSES)
    for name in evaluate.RUNS:
        folder = project.CURVES / name / "plots" / "metrics" / "train"
        folder.mkdir(parents=True)
        (folder / "loss.tsv").write_text("step\tloss\n0\t1.5\n1\t1.25\n")
    set_params()
    return tmp_path


def annotate(rows):
    objects = [
        ObjectRow(row.image_id, label, *box_of(label), difficult=False, crowd=False)
        for row in rows
        for label in row.labels
    ]
    write_objects(project.OBJECTS, objects)


def set_params(**evaluation):
    params = {
        "dataset": {"root": "pictures"},
        "proposals": {"method": "edge_boxes", "max_boxes": 31},
        "baseline": {},
        "distill_features": {"training": {"epochs": 17}},
        "distill_predictions": {"training": {"epochs": 1}, "temperature": 4.25},
        "evaluation": {"cost_seconds": 0.01, **evaluation},
    }
    Path("params.yaml").write_text(json.dumps(params))


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.usefixtures("working_copy")
def test_reports():
    evaluate.main()
    accuracy, metrics = read(project.ACCURACY), read(project.METRICS)
    cost, made = metrics.pop("cost"), metrics.pop("made")
    assert made["machine"]
    assert made["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert metrics == accuracy
    figures = {"mAP", *(p + name for p in ("", "top3_") for name in ("CP", "CR", "CF1", "OP", "OR", "OF1"))}
    assert set(accuracy["baseline"]) == set(accuracy["student"]) == figures | {"NLL", "ECE"}
    origin = "0.5 for every class, as no validation image tells more"
    assert accuracy["protocol"]["operating_points"]["student"]["thresholds"] == origin
    located = {"AP50", "AP50_11_point", "COCO_AP", "COCO_AP50", "COCO_AP75", "CorLoc"}
    assert set(accuracy["teacher"]) == figures | located
    assert accuracy["proposals"] == {"recall_0.5": 100.0, "recall_0.7": 100.0, "boxes_per_image": 6.0}
    assert accuracy["counts"] == {
        "train_images": 6,
        "test_images": 16,
        "test_images_dropped": 0,
        "classes": 4,
    }
    assert accuracy["classes_without_positives"] == ["yak"]
    assert accuracy["absent"] == {}
    assert accuracy["protocol"]["teacher_views"] == "48, 64 px and mirrored"
    gain = accuracy["student"]["mAP"] - accuracy["baseline"]["mAP"]
    assert accuracy["gain_mAP"] == pytest.approx(gain, abs=1e-3)
    assert cost["teacher"]["multiply_adds"] > cost["student"]["multiply_adds"] > 0
    assert cost["student"]["parameters"] == sum(
        p.numel() for p in load_student(project.STUDENT).model.parameters()
    )
    assert cost["teacher"]["images_per_second"] > 0

    with project.PER_CLASS.open(newline="", encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert list(rows)[-1] == "yak"
    assert rows["yak"]["AP_student"] == ""
    assert float(rows["cat"]["AP50_teacher"]) >= 0
    names = {"examples", "gain_per_class"}
    assert {path.stem for path in project.PICTURES.iterdir()} == names
    assert project.PRECISION_RECALL.read_text().startswith("recall,baseline,teacher,student\n0.0,")
    short = read(project.SUMMARY)
    assert short["mAP"] == {name: accuracy[name]["mAP"] for name in ("baseline", "teacher", "student")}
    assert (short["gain_mAP"], short["CF1"]) == (accuracy["gain_mAP"], accuracy["student"]["CF1"])
    for name, (low, high) in accuracy["mAP_intervals"].items():
        assert low <= accuracy[name]["mAP"] <= high


@pytest.mark.usefixtures("working_copy")
def test_the_page_shows_what_the_audit_found_and_all_that_is_an_input():
    evaluate.main()
    page = project.REPORT.read_text(encoding="utf-8")
    assert "22 images (6 train, 0 val, 16 test), 4 classes, 0 boxes; rejected: 1 image, 0 objects." in page
    assert "1 × the file is missing (image rejected)" in page
    assert "99.png: cannot be read" in page
    for parameter in ("&#34;max_boxes&#34;: 31", "&#34;epochs&#34;: 17", "&#34;temperature&#34;: 4.25"):
        assert parameter in page
    assert "<dt>teacher's cache computed with torch</dt><dd>2.0.7</dd>" in page
    for name in ("commit", "machine"):
        assert f"<dt>{name}</dt>" not in page
    assert "wsdkd show --html adds them" in page


@pytest.mark.usefixtures("working_copy")
def test_outputs_of_dvc_are_the_same_twice():
    outputs = [project.ACCURACY, project.SUMMARY, project.PER_CLASS, project.PRECISION_RECALL, project.REPORT]
    evaluate.main()
    outputs += sorted(project.PICTURES.iterdir())
    before = [path.read_bytes() for path in outputs]
    evaluate.main()
    assert [path.read_bytes() for path in outputs] == before


@pytest.mark.usefixtures("working_copy")
def test_numbers_come_from_the_right_network():
    evaluate.main()
    rows = read_images(project.IMAGES, "test")
    student = load_student(project.STUDENT)
    scores = student_scores(student, rows, Path("pictures"), batch_size=32, **CPU)
    present = np.array([[k in row.labels for k in range(4)] for row in rows])
    predicted = scores > 0.5
    found = read(project.ACCURACY)["student"]
    predicted[rows.index(next(row for row in rows if row.ignored)), 2] = False
    assert found["OR"] == pytest.approx(100 * (predicted & present).sum() / present.sum(), abs=1e-3)


@pytest.mark.usefixtures("working_copy")
def test_dataset_without_boxes_and_unlabelled_images_dropped():
    write_objects(project.OBJECTS, [])
    hidden = ImageRow("unlabelled", "gone.png", 60, 40, "unlabelled", (), (0, 1, 2, 3), "0")
    write_images(project.IMAGES, [*make_rows(), hidden])
    set_params(unlabelled="drop", top_k=2)
    evaluate.main()
    accuracy = read(project.ACCURACY)
    assert not {"AP50", "CorLoc", "COCO_AP"} & set(accuracy["teacher"])
    assert accuracy["proposals"] == {}
    assert accuracy["absent"]["CorLoc"] == "no training image has annotated boxes"
    assert accuracy["counts"]["train_images"] == 6
    assert accuracy["counts"]["unlabelled_images"] == 1
    assert "1 more without labels" in project.REPORT.read_text(encoding="utf-8")
    assert accuracy["counts"]["test_images"] == 15
    assert accuracy["counts"]["test_images_dropped"] == 1
    assert "top2_OF1" in accuracy["student"]
    assert (project.PICTURES / "examples.png").exists()


@pytest.mark.usefixtures("working_copy")
def test_a_network_of_other_classes_is_refused():
    loaded = load_student(project.STUDENT)
    classes = ["emu" if name == "yak" else name for name in loaded.classes]
    assert classes != loaded.classes
    save_network(project.STUDENT, loaded.model, "student", loaded.params, classes)
    with pytest.raises(UserError, match="student: trained on other classes"):
        evaluate.main()


@pytest.mark.usefixtures("working_copy")
def test_a_network_that_diverged_is_refused(monkeypatch):
    nothing = np.full((16, 4), np.nan)
    said = dict.fromkeys(("baseline", "student"), StudentSaid(nothing, nothing, None))
    monkeypatch.setattr(method, "students_said", lambda *_, **__: said)
    with pytest.raises(UserError, match="baseline: its scores are not finite"):
        evaluate.main()


@pytest.mark.usefixtures("working_copy")
def test_a_test_split_without_labels_is_refused():
    rows = [row for row in make_rows() if row.split == "train"]
    write_images(project.IMAGES, rows)
    with pytest.raises(UserError, match="no image of the split test has a label"):
        evaluate.main()


def reports():
    """All files that the stage writes, but for that of the speeds."""
    files = (path for path in project.REPORTS.rglob("*") if path.is_file() and path.suffix != ".tsv")
    return {path: path.read_bytes() for path in files if path.name != "metrics.json"}


def test_several_processes_write_the_bytes_of_one(working_copy, monkeypatch):
    monkeypatch.setattr(method, "STUDENT_BATCH", method.TEACHER_BATCH)  # so that 16 pictures are two shares
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    evaluate.main()
    torch.set_num_threads(threads)
    one = reports()
    assert {path.name for path in one} >= {"accuracy.json", "per_class.csv", "report.html", "examples.png"}
    for path in one:
        path.unlink()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank in range(3):  # the first of which has no batch
        variables = {
            "RANK": rank,
            "LOCAL_RANK": rank,
            "WORLD_SIZE": 3,
            "LOCAL_WORLD_SIZE": 3,
            "MASTER_PORT": port,
        }
        environment = {
            **os.environ,
            **{name: str(value) for name, value in variables.items()},
            "MASTER_ADDR": "127.0.0.1",
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        command = [sys.executable, "-m", "tests.stages.evaluate_in_processes"]
        processes.append(
            subprocess.Popen(command, cwd=working_copy, env=environment, stderr=subprocess.PIPE, text=True)
        )
    told = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], told
    assert [path for path in one if one[path] != path.read_bytes()] == []


@pytest.mark.parametrize(("count", "processes"), [(0, 2), (1, 3), (32, 2), (33, 2), (1000, 7)])
def test_shares_are_whole_batches_that_follow_each_other(count, processes):
    parts = [
        method.share(count, SimpleNamespace(process_index=i, num_processes=processes))
        for i in range(processes)
    ]
    assert [place for part in parts for place in range(count)[part]] == list(range(count))
    assert all(part.start % method.STUDENT_BATCH == 0 for part in parts if part.start < count)
    assert method.STUDENT_BATCH % method.TEACHER_BATCH == 0
