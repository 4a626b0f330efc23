"""The stage ``evaluate`` as a process of several runs it, on the working copy of its test."""

from stages import evaluate
from tests.stages.test_evaluate import CacheOfTeacher
from wsdkd.evaluation import scoring

if __name__ == "__main__":
    scoring.STUDENT_BATCH = scoring.TEACHER_BATCH  # so that 16 pictures are two shares
    evaluate.TeacherCache = CacheOfTeacher
    evaluate.main()
