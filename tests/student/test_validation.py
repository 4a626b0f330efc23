"""Counts of validation labels, against a loop over labels; and that a student keeps them."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.training.small_world import CLASSES, STUDENT, TRAINING, fresh_start, make_world
from wsdkd.data.tables import targets
from wsdkd.ground.errors import UserError
from wsdkd.networks.checkpoints import save_network
from wsdkd.networks.description import WEIGHTS
from wsdkd.student.network import Student, load_student
from wsdkd.student.run import save_student, student_outputs
from wsdkd.student.validation import QUANTILES, ValidationCounts, count_labels
from wsdkd.training.course import Course, Images


def validation() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = (generator.random((150, 3)) < [0.5, 0.2, 0.02]).astype(np.float32)
    logits = generator.normal(2 * labels - 1, 3).astype(np.float32)
    return logits, labels, generator.random(labels.shape) < 0.9


def counted() -> ValidationCounts:
    counts = count_labels(*validation())
    assert counts is not None
    return counts


def test_each_known_label_is_in_its_bin() -> None:
    logits, labels, known = validation()
    counts = counted()
    assert counts.images == 150
    assert len(counts.edges) <= 2 * QUANTILES
    ends = [-np.inf, *counts.edges, np.inf]
    for k in range(3):
        for m, (low, high) in enumerate(itertools.pairwise(ends)):
            inside = (logits[:, k] > low) & (logits[:, k] <= high) & known[:, k]
            assert counts.present[k, m] == (inside & (labels[:, k] > 0)).sum()
            assert counts.absent[k, m] == (inside & (labels[:, k] == 0)).sum()
    for m, (low, high) in enumerate(itertools.pairwise(ends)):
        inside = (logits > low) & (logits <= high) & known
        if inside.any():
            assert counts.logits[m] == pytest.approx(logits[inside].mean(), abs=1e-3)


def test_nothing_is_counted_where_nothing_can_be_learned() -> None:
    logits, labels, known = validation()
    assert count_labels(logits, np.zeros_like(labels), known) is None
    assert count_labels(logits, labels, np.zeros_like(known)) is None
    assert count_labels(np.full_like(logits, np.nan), labels, known) is None
    assert count_labels(logits, np.ones_like(labels), known) is not None


@pytest.fixture
def course() -> Course:
    accelerator = fresh_start(TRAINING)
    torch.manual_seed(0)
    return Course(accelerator, Student(STUDENT, len(CLASSES)), STUDENT, [], None)


def test_a_student_keeps_what_its_validation_images_say(tmp_path: Path, course: Course) -> None:
    world = make_world(tmp_path, 9)
    save_student(tmp_path / "student", course, Images(tmp_path, CLASSES, world.rows, world.rows[:5]))
    loaded = load_student(tmp_path / "student")
    outputs = student_outputs(
        loaded, world.rows[:5], tmp_path, batch_size=2, device=torch.device("cpu"), description="test"
    )
    expected = count_labels(outputs.logits, *targets(world.rows[:5], len(CLASSES)))
    assert loaded.validation is not None
    assert expected is not None
    assert loaded.validation.described(CLASSES) == expected.described(CLASSES)
    np.testing.assert_array_equal(loaded.validation.present.sum(axis=1), [2, 2, 1])
    # The weights are the bytes that they are without.
    save_network(tmp_path / "plain", course.network, "student", STUDENT, CLASSES)
    assert (tmp_path / "plain" / WEIGHTS).read_bytes() == (tmp_path / "student" / WEIGHTS).read_bytes()


def test_without_a_validation_split_there_is_nothing_to_keep(tmp_path: Path, course: Course) -> None:
    save_student(tmp_path / "student", course, Images(tmp_path, CLASSES, [], []))
    assert load_student(tmp_path / "student").validation is None


@pytest.mark.parametrize("damage", [{"edges": "1 2 x"}, {"logits": "1 2"}, {"present": {"red": "1"}}, 5])
def test_counts_that_cannot_be_are_refused(tmp_path: Path, course: Course, damage: object) -> None:
    kept = counted().described(CLASSES)
    broken = {**kept, **damage} if isinstance(damage, dict) else damage
    more = json.loads(json.dumps({"validation": broken}))
    save_network(tmp_path / "student", course.network, "student", STUDENT, CLASSES, more)
    with pytest.raises(UserError, match=r"model\.json: validation: "):
        load_student(tmp_path / "student")
