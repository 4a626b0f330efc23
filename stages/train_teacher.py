"""Stage ``train_teacher``: WSDDN, from image-level labels and proposals."""

from collections.abc import Sequence
from functools import partial

from stages.fingerprint import resume
from stages.run import run
from wsdkd import project
from wsdkd.data.tables import Split, read_classes, read_images
from wsdkd.networks.checkpoints import save_network
from wsdkd.proposals.stored import read_proposals
from wsdkd.settings.sections import dataset_root, load_section
from wsdkd.teacher.learning import RegionsAndLabels, TeacherObjective
from wsdkd.teacher.network import Wsddn
from wsdkd.teacher.params import TeacherParams
from wsdkd.training.learner import start
from wsdkd.training.loop import Phase, Task, Training, train
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import in_processes


def main() -> None:
    """Train the teacher and write models/teacher."""
    params: TeacherParams = load_section("teacher", TeacherParams)
    root, classes = dataset_root(), read_classes(project.CLASSES)
    proposals = read_proposals(project.PROPOSALS)
    accelerator = start(params.training)
    teacher = Wsddn(params, len(classes))
    objective = TeacherObjective(teacher)

    def task(split: Split, sizes: Sequence[int]) -> Task:
        rows = read_images(project.IMAGES, split)
        regions = RegionsAndLabels(rows, len(classes), proposals, params.proposals)
        return Task(objective, Pictures(rows, root, sizes), regions)

    training = Training(
        name="teacher",
        phases=(Phase(task("train", params.train_sizes), params.training),),
        validation=task("val", [params.input_size]),
        curves=project.CURVES / "teacher",
        states=resume("train_teacher"),
        save=partial(save_network, project.TEACHER, teacher, "teacher", params, classes),
    )
    train(training, accelerator)


if __name__ == "__main__":
    run(in_processes(main, "stages.train_teacher"), "train_teacher", "epoch")
