"""What 8 bits cost an exported student, and what they gain: run in the folder of a finished project.

    python -m benchmarks.int8

Exports the student in fp32 and in 8 bits, labels the test split with both files by ONNX Runtime, and prints
mAP, labels that differ, sizes, and the ratio of the processor's seconds, in turns, by one thread. `--model`
names another student, `--pairs` how many turns there are.
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks import command
from wsdkd import project
from wsdkd.average_precision import mean_average_precision
from wsdkd.cli.export import MEASURED
from wsdkd.data.images import load_square
from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import Split, read_classes, read_images, targets
from wsdkd.serving.export import export_int8, export_student
from wsdkd.serving.exported import INPUT, OUTPUT, session
from wsdkd.serving.named import student_named
from wsdkd.student.network import load_student

BATCH = 32
"""Pictures at a time, where not one alone."""


def main(model: str = "student", pairs: int = 15) -> None:
    """Print a table in Markdown."""
    named = student_named(model)
    loaded = load_student(named.folder)
    point, size = named.operating_point(loaded), loaded.params.input_size
    test, labels, known = pictures_of("test", size)
    shown = pictures_of("train", size, MEASURED)[0]
    with TemporaryDirectory() as folder:
        files = [Path(folder, name) for name in ("fp32.onnx", "int8.onnx")]
        export_student(loaded, point, files[0])
        export_int8(loaded, point, files[1], list(shown.transpose(0, 2, 3, 1)))
        running = [session(file, threads=1) for file in files]
        scores = [scored(each, test) for each in running]
        accuracy = [mean_average_precision(each, labels, known) for each in scores]
        given = [each > point.thresholds for each in scores]
        kilobytes = [file.stat().st_size / 1000 for file in files]
        alone, together = (faster(running, test[:count], pairs) for count in (1, BATCH))
    print(f"{model}, {size} px, {len(test)} test images, {len(shown)} training images for the ranges\n")
    print("| | fp32 | 8 bits | |")
    print("|---|---:|---:|---|")
    print("| mAP | {:.2f} | {:.2f} | lost: {:.2f} |".format(*accuracy, accuracy[0] - accuracy[1]))
    print(f"| labels given otherwise | | {np.not_equal(*given).mean():.2%} | of all images and classes |")
    print(
        "| size, kB | {:.0f} | {:.0f} | {:.1f} times smaller |".format(
            *kilobytes, kilobytes[0] / kilobytes[1]
        )
    )
    for what, (ratio, milliseconds) in (("one picture", alone), (f"{BATCH} pictures", together)):
        print("| ms, {} | {:.1f} | {:.1f} | {:.2f} times faster |".format(what, *milliseconds, ratio))


def pictures_of(
    split: Split, size: int, most: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pictures, uint8 (N, 3, size, size), all of a split or some, with labels and which are known, (N, K)."""
    classes = read_classes(project.CLASSES)
    rows = read_images(project.IMAGES, split, num_classes=len(classes))
    root = photographs_folder(project.IMAGES)
    rows = rows if most is None else rows[:: -(-len(rows) // most)]
    squares = np.stack([load_square(root / row.path, size) for row in rows])
    return np.ascontiguousarray(squares.transpose(0, 3, 1, 2)), *targets(rows, len(classes))


def scored(running: Any, pictures: np.ndarray) -> np.ndarray:
    """Scores float32 (N, K) that a session gives pictures."""
    starts = range(0, len(pictures), BATCH)
    return np.concatenate([_scores(running, pictures[start : start + BATCH]) for start in starts])


def faster(running: list[Any], pictures: np.ndarray, pairs: int) -> tuple[float, list[float]]:
    """How many times faster the second of two sessions is, and milliseconds of each; medians over pairs.

    Of the process's own seconds, which other work on the machine adds less to than to a clock's.
    """
    calls = max(1, BATCH // len(pictures))
    spent = np.array([[_seconds(each, pictures, calls) for each in running] for _ in range(pairs + 1)])
    spent = spent[1:]  # the first warms up
    return float(np.median(spent[:, 0] / spent[:, 1])), (1000 * np.median(spent, axis=0)).tolist()


def _seconds(running: Any, pictures: np.ndarray, calls: int) -> float:
    started = time.process_time()
    for _ in range(calls):
        _scores(running, pictures)
    return (time.process_time() - started) / calls


def _scores(running: Any, pictures: np.ndarray) -> np.ndarray:
    found: np.ndarray = running.run([OUTPUT], {INPUT: pictures})[0]
    return found


if __name__ == "__main__":
    command.run(main)
