"""Stage ``train_teacher``: WSDDN, from image-level labels and proposals."""

from stages.training import TrainingStage
from wsdkd import project
from wsdkd.proposals.stored import read_proposals
from wsdkd.settings.sections import load_section
from wsdkd.teacher.learning import save_teacher, teacher_course
from wsdkd.teacher.params import TeacherParams
from wsdkd.training.course import Course, Images


def teacher(images: Images) -> Course:
    """A teacher that learns from proposals and labels."""
    params: TeacherParams = load_section("teacher", TeacherParams)
    return teacher_course(params, images, read_proposals(project.PROPOSALS))


STAGE = TrainingStage("train_teacher", teacher, project.TEACHER, save_teacher, "teacher", fetches=False)

if __name__ == "__main__":
    STAGE.run()
