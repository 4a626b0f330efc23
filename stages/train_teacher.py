"""Stage ``train_teacher``: WSDDN, from image-level labels and proposals."""

from collections.abc import Sequence

from stages.training import Course, Images, TrainingStage
from wsdkd import project
from wsdkd.data.tables import ImageRow
from wsdkd.proposals.stored import read_proposals
from wsdkd.settings.sections import load_section
from wsdkd.teacher.learning import RegionsAndLabels, TeacherObjective
from wsdkd.teacher.network import Wsddn
from wsdkd.teacher.params import TeacherParams
from wsdkd.training.loop import Phase, Task
from wsdkd.training.pictures import Pictures
from wsdkd.training.processes import start


def teacher(images: Images) -> Course:
    """A teacher that learns from proposals and labels."""
    params: TeacherParams = load_section("teacher", TeacherParams)
    proposals = read_proposals(project.PROPOSALS)
    accelerator = start(params.training)
    network = Wsddn(params, len(images.classes))
    objective = TeacherObjective(network)

    def task(rows: Sequence[ImageRow], sizes: Sequence[int]) -> Task:
        regions = RegionsAndLabels(rows, len(images.classes), proposals, params.proposals)
        return Task(objective, Pictures(rows, images.root, sizes), regions)

    phase = Phase(task(images.train, params.train_sizes), params.training)
    return Course(accelerator, network, params, [phase], task(images.val, [params.input_size]))


STAGE = TrainingStage("train_teacher", teacher, project.TEACHER, "teacher", "teacher", fetches=False)

if __name__ == "__main__":
    STAGE.run()
