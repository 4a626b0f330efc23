"""Stage ``evaluate``: baseline, teacher and student on the test split; the one stage that sees boxes.

Each of several processes scores its share of the test images, and the first one writes.
"""

from pathlib import Path

import torch
from accelerate import PartialState

from stages.run import run
from wsdkd import project
from wsdkd.cache.manifest import RUNNING
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.running import RunningTeacher
from wsdkd.data.annotations import read_objects
from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import UNLABELLED, read_classes, read_images
from wsdkd.datasets.audit.facts import read_facts
from wsdkd.distill.params import DistillFeaturesParams, DistillPredictionsParams
from wsdkd.evaluation.charts import save_png
from wsdkd.evaluation.evaluate import Evaluation, Sections, evaluate
from wsdkd.evaluation.files import read_curves, summary, write_class_rows, write_columns, write_report
from wsdkd.evaluation.page.content import write_report_page
from wsdkd.evaluation.params import EvaluationParams
from wsdkd.evaluation.scoring import Data, Networks
from wsdkd.ground.origin import checkout, processor, versions
from wsdkd.proposals.params import ProposalsParams
from wsdkd.proposals.stored import read_proposals
from wsdkd.settings.sections import load_section
from wsdkd.student.network import load_student
from wsdkd.student.params import BaselineParams
from wsdkd.teacher.network import load_teacher
from wsdkd.training.processes import in_processes

PACKAGES = ("torch", "torchvision", "timm", "numpy", "opencv-contrib-python-headless", "wsdkd")
RUNS = ("teacher", "baseline", "features", "student")


def main() -> None:
    """Score the three networks and write numbers, charts, costs and the page that shows them."""
    sections = Sections(
        evaluation=load_section("evaluation", EvaluationParams),
        baseline=load_section("baseline", BaselineParams),
        proposals=load_section("proposals", ProposalsParams),
        distill_features=load_section("distill_features", DistillFeaturesParams),
        distill_predictions=load_section("distill_predictions", DistillPredictionsParams),
    )
    classes = read_classes(project.CLASSES)
    data = Data(
        classes=classes,
        train=read_images(project.IMAGES, "train", num_classes=len(classes)),
        test=read_images(project.IMAGES, "test", num_classes=len(classes)),
        objects=read_objects(project.OBJECTS, num_classes=len(classes)),
        proposals=read_proposals(project.PROPOSALS),
        root=photographs_folder(project.IMAGES),
        audit=read_facts(project.AUDIT),
        unlabelled=len(read_images(project.IMAGES, UNLABELLED)),
    )
    running = (project.TEACHER_CACHE / RUNNING).is_file()
    cache = RunningTeacher(project.TEACHER_CACHE) if running else TeacherCache(project.TEACHER_CACHE)
    cache.check(data.classes, data.train)
    networks = Networks(
        load_student(project.BASELINE), load_teacher(project.TEACHER), load_student(project.STUDENT)
    )
    training = {run: read_curves(project.CURVES / run) for run in RUNS}
    processes = PartialState(cpu=not torch.cuda.is_available())
    found = evaluate(networks, data, cache, training, sections, processes)
    if found is not None:
        _write(found)
    processes.destroy_process_group()


def _write(found: Evaluation) -> None:
    write_report(project.ACCURACY, found.accuracy)
    write_report(project.SUMMARY, summary(found.accuracy))
    write_class_rows(project.PER_CLASS, found.classes)
    write_columns(project.PRECISION_RECALL, found.precision_recall)
    for name, picture in found.pictures.items():
        save_png(picture, project.PICTURES / f"{name}.png")
    write_report_page(project.REPORT, found.page)
    code = checkout(Path(), written=["dvc.lock"])
    made = {
        "commit": code.commit,
        "changed": len(code.changed),
        "machine": processor(),
        "versions": versions(PACKAGES),
    }
    write_report(project.METRICS, {**found.accuracy, "cost": found.cost, "made": made})


if __name__ == "__main__":
    run(main, "evaluate", launch=in_processes)
