"""Stage ``train_teacher``: WSDDN, from image-level labels and proposals."""

from stages import paths
from stages.fingerprint import resume
from stages.run import run
from wsdkd.models.checkpoints import save_network
from wsdkd.models.teacher import Wsddn
from wsdkd.params.base import load_section
from wsdkd.params.root import dataset_root
from wsdkd.params.teacher import TeacherParams
from wsdkd.proposals.shards import read_proposals
from wsdkd.tables.classes import read_classes
from wsdkd.tables.images import read_images
from wsdkd.training.launch import distributed
from wsdkd.training.loop import curves, fit, start
from wsdkd.training.pictures import Pictures
from wsdkd.training.teacher import RegionsAndLabels, TeacherObjective
from wsdkd.training.validation import validator


def main() -> None:
    """Train the teacher and write models/teacher."""
    params: TeacherParams = load_section("teacher", TeacherParams)
    root, classes = dataset_root(), read_classes(paths.CLASSES)
    train, val = read_images(paths.IMAGES, "train"), read_images(paths.IMAGES, "val")
    proposals = read_proposals(paths.PROPOSALS)
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
    with curves(paths.CURVES / "teacher", accelerator) as live:
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
        save_network(paths.TEACHER, model, "teacher", params, classes)
        states.clear()


if __name__ == "__main__":
    run(distributed(main, "stages.train_teacher"), "train_teacher", "epoch")
