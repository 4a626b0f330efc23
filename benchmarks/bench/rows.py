"""All rows, in the order of the table."""

from benchmarks.bench import (
    cache_bytes,
    cache_read,
    cache_write,
    dvc_status,
    evaluation,
    inference,
    metrics,
    online_step,
    online_step_vgg,
    predict,
    prepare,
    propose,
    student_step,
    teacher_step,
)
from benchmarks.bench.row import Row

ROWS: dict[str, Row] = {
    row.name: row
    for module in (
        student_step,
        online_step,
        online_step_vgg,
        teacher_step,
        cache_write,
        cache_read,
        cache_bytes,
        propose,
        prepare,
        evaluation,
        metrics,
        predict,
        inference,
        dvc_status,
    )
    for row in module.ROWS
}
