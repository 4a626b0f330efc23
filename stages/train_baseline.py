"""Stage ``train_baseline``: the student without a teacher, on labels and, if asked, on random regions.

The same network from the same initial weights on the same schedules, one after the other, as both
stages of distillation together: any gain over it is distillation's.
"""

from stages.training import TrainingStage
from wsdkd import project
from wsdkd.distill.params import DistillFeaturesParams, DistillPredictionsParams
from wsdkd.proposals.stored import read_proposals
from wsdkd.settings.sections import load_section
from wsdkd.student.baseline import baseline_course
from wsdkd.student.params import BaselineParams, StudentParams
from wsdkd.student.run import save_student
from wsdkd.training.course import Course, Images


def baseline(images: Images) -> Course:
    """A student that learns from labels."""
    params: StudentParams = load_section("student", StudentParams)
    first = load_section("distill_features", DistillFeaturesParams).training
    second = load_section("distill_predictions", DistillPredictionsParams).training
    baseline: BaselineParams = load_section("baseline", BaselineParams)
    proposals = read_proposals(project.PROPOSALS) if baseline.regions else None
    return baseline_course(params, (first, second), images, baseline, proposals)


STAGE = TrainingStage("train_baseline", baseline, project.BASELINE, save_student, "baseline")

if __name__ == "__main__":
    STAGE.run()
