"""Stage ``train_teacher``: WSDDN, from image-level labels and proposals."""

from stages.fingerprint import resume
from stages.run import run
from wsdkd import project
from wsdkd.data.tables import read_classes, read_images
from wsdkd.networks.checkpoints import save_network
from wsdkd.proposals.stored import read_proposals
from wsdkd.settings.sections import dataset_root, load_section
from wsdkd.teacher.learning import RegionsAndLabels, TeacherObjective
from wsdkd.teacher.network import Wsddn
from wsdkd.teacher.params import TeacherParams
from wsdkd.training.loop import curves, fit, start
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import in_processes
from wsdkd.training.validation import validator


def main() -> None:
    """Train the teacher and write models/teacher."""
    params: TeacherParams = load_section("teacher", TeacherParams)
    root, classes = dataset_root(), read_classes(project.CLASSES)
    train, val = read_images(project.IMAGES, "train"), read_images(project.IMAGES, "val")
    proposals = read_proposals(project.PROPOSALS)
    states = resume("train_teacher")
    accelerator = start(params.training)
    model = Wsddn(params, len(classes))
    objective = TeacherObjective(model)
    validate = validator(
        objective,
        val,
        root,
        RegionsAndLabels(val, len(classes), proposals, params.proposals),
        params.input_size,
        params.training.batch_size,
        accelerator,
    )
    with curves(project.CURVES / "teacher", accelerator) as live:
        fit(
            objective,
            Pictures(train, root, params.train_sizes),
            RegionsAndLabels(train, len(classes), proposals, params.proposals),
            params.train_sizes,
            params.training,
            accelerator,
            live,
            validate,
            "teacher",
            states,
        )
    if accelerator.is_main_process:
        save_network(project.TEACHER, model, "teacher", params, classes)
        states.clear()


if __name__ == "__main__":
    run(in_processes(main, "stages.train_teacher"), "train_teacher", "epoch")
