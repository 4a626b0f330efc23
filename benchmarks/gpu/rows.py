"""All rows, in the order in which they are measured: what a quarter of an hour must not miss comes first."""

from benchmarks.gpu import correctness, passes, training
from benchmarks.gpu.row import Row

ROWS: dict[str, Row] = {
    row.name: row
    for row in (
        passes.CACHE,
        correctness.FEATURES,
        *training.ROWS,
        *correctness.PIPELINES,
        *passes.STUDENTS,
    )
}
