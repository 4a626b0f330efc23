"""Spoil, doubt, correct, train: see the package."""

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from benchmarks.ablation.workspace import workspace
from benchmarks.command import run
from benchmarks.device import device
from benchmarks.doubtful_labels.spoiled import Wrong, decided, found_by_each, spoil, tables, wrong_labels
from wsdkd import project
from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import ImageRow, read_classes, read_images, targets, write_images
from wsdkd.datasets.corrections import corrected, write_corrections
from wsdkd.doubts.doubts import Doubt, find_doubts, weighed
from wsdkd.ground.origin import processor
from wsdkd.profiles import PROFILES, customised
from wsdkd.settings.sections import parse_params

if TYPE_CHECKING:
    from wsdkd.doubts.look import AtHand

FOLDER = Path("build/doubtful_labels")
EVERY = 10_000
"""Doubts that are held against the teacher's regions: all of them."""


class Suite:
    """The folder of a run: ``data`` as it is drawn, and a workspace for each state of the labels.

    Args:
        folder: takes all of it.
        params: sections of params.yaml.
        networks: ``baseline``, ``student`` or both.
    """

    def __init__(self, folder: Path, params: dict[str, Any], networks: Sequence[str]):
        self.folder, self.params, self.networks = folder.resolve(), params, networks

    def within(self, name: str) -> Any:
        """Work with the labels of this name: ``true``, ``spoiled`` or ``corrected``."""
        data = self.folder / "drawn/data"
        links = {"data/proposals": data / "proposals", "data/scenes": data / "scenes"}
        return workspace(self.folder / name, self.params, links)

    def draw(self) -> list[ImageRow]:
        """Draw and prepare the dataset; its rows with true labels."""
        from stages import draw_scenes, prepare, propose

        with workspace(self.folder / "drawn", self.params, {}):
            for stage, out in (
                (draw_scenes, project.SCENES),
                (prepare, project.IMAGES),
                (propose, project.PROPOSALS),
            ):
                if not out.exists():
                    stage.main()
            return list(read_images(project.IMAGES))

    def label(self, name: str, rows: Sequence[ImageRow]) -> None:
        """Lay down labels under a name, unless they are there."""
        source = self.folder / "drawn" / project.CLASSES
        with self.within(name):
            if not project.IMAGES.exists():
                project.PREPARED.mkdir(parents=True, exist_ok=True)
                project.CLASSES.write_bytes(source.read_bytes())
                write_images(project.IMAGES, rows, None, read_classes(source))

    def accuracy(self, name: str) -> dict[str, float]:
        """Test mAP of each network after it has learned the labels of a name."""
        from stages import cache_teacher, distill_features, distill_predictions, train_baseline, train_teacher

        steps: list[tuple[Path, Callable[[], None]]] = [(project.BASELINE, train_baseline.STAGE.train)]
        if "student" in self.networks:
            steps += [
                (project.TEACHER, train_teacher.STAGE.train),
                (project.TEACHER_CACHE, cache_teacher.main),
                (project.STUDENT_FEATURES, distill_features.STAGE.train),
                (project.STUDENT, distill_predictions.STAGE.train),
            ]
        with self.within(name):
            for out, step in steps:
                if not out.exists():
                    step()
            models = {"baseline": project.BASELINE, "student": project.STUDENT}
            return {network: _test_map(models[network]) for network in self.networks}

    def doubts(self, seed: int) -> dict[str, list[Doubt]]:
        """Doubts about the spoiled labels, ranked in several ways."""
        from stages import cache_teacher, score_folds, train_baseline, train_teacher
        from wsdkd.cache.reader import TeacherCache
        from wsdkd.doubts.evidence import Teacher
        from wsdkd.doubts.folds import read_scores
        from wsdkd.doubts.look import AtHand
        from wsdkd.proposals.stored import read_proposals
        from wsdkd.student.network import load_student
        from wsdkd.teacher.network import load_teacher

        with self.within("spoiled"):
            for out, step in (
                (project.FOLD_SCORES, score_folds.main),
                (project.TEACHER, train_teacher.STAGE.train),
                (project.TEACHER_CACHE, cache_teacher.main),
                (project.BASELINE, train_baseline.STAGE.train),
            ):
                if not out.exists():
                    step()
            classes = read_classes(project.CLASSES)
            train, val = (list(read_images(project.IMAGES, split)) for split in ("train", "val"))
            cache, root = TeacherCache(project.TEACHER_CACHE), photographs_folder(project.IMAGES)
            at_hand = AtHand(
                classes,
                root,
                train,
                val,
                read_scores(project.FOLD_SCORES, train, classes),
                load_student(project.BASELINE),
                cache,
                Teacher(
                    load_teacher(project.TEACHER), read_proposals(project.PROPOSALS), cache.ranking, root
                ),
            )
            return rankings(at_hand, seed)


def rankings(at_hand: "AtHand", seed: int) -> dict[str, list[Doubt]]:
    """Doubts, ranked in several ways; the last is that of `wsdkd labels`."""
    alone = find_doubts(at_hand.scored(device()), len(at_hand.classes))
    shuffled = [alone[place] for place in np.random.default_rng(seed).permutation(len(alone))]
    return {
        "cleanlab's doubts in any order": shuffled,
        "by the student alone": alone,
        "by student and teacher": weighed(alone, at_hand.evidence(alone[:EVERY], device())),
    }


def of_finished(share: float, seed: int) -> tuple[Wrong, dict[str, list[Doubt]]]:
    """Spoiled validation and test labels of the current folder's project, and the doubts about them."""
    from wsdkd.cache.reader import TeacherCache
    from wsdkd.doubts.evidence import Teacher
    from wsdkd.doubts.look import AtHand
    from wsdkd.proposals.stored import read_proposals
    from wsdkd.settings.sections import cache_folder
    from wsdkd.student.network import load_student
    from wsdkd.teacher.network import load_teacher

    classes = read_classes(project.CLASSES)
    rows = [row for split in ("val", "test") for row in read_images(project.IMAGES, split)]
    spoiled = spoil(rows, len(classes), share, seed, kept="train")
    root, ranking = photographs_folder(project.IMAGES), TeacherCache(cache_folder()).ranking
    teacher = Teacher(load_teacher(project.TEACHER), read_proposals(project.PROPOSALS), ranking, root)
    student = load_student(project.STUDENT)
    at_hand = AtHand(classes, root, (), spoiled, None, student, None, teacher)
    return wrong_labels(spoiled, rows), rankings(at_hand, seed)


def _test_map(folder: Path) -> float:
    from wsdkd.average_precision import mean_average_precision
    from wsdkd.student.network import load_student
    from wsdkd.student.run import BATCH_SIZE, student_scores

    loaded, rows = load_student(folder), read_images(project.IMAGES, "test")
    scores = student_scores(
        loaded,
        rows,
        photographs_folder(project.IMAGES),
        batch_size=BATCH_SIZE,
        device=device(),
        description="test",
    )
    return mean_average_precision(scores, *targets(rows, len(loaded.classes)))


def main(
    profile: str = "scenes",
    changes: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE of the profile.")] = None,
    networks: Annotated[str, typer.Option(help="Whose mAP is measured.")] = "baseline,student",
    share: Annotated[float, typer.Option(help="Of the present labels that are spoiled.")] = 0.1,
    folds: int = 3,
    seed: int = 0,
    folder: Path = FOLDER,
    within: Annotated[Path | None, typer.Option(help="A finished project; nothing is trained then.")] = None,
) -> None:
    """Spoil labels, look for them, correct what is found, and train on each."""
    started = time.monotonic()
    if within is not None:
        os.chdir(within)
        wrong, ranked = of_finished(share, seed)
        typer.echo(tables({"wrong": len(wrong), "found": found_by_each(ranked, wrong)}))
        return
    source = PROFILES / f"{profile}.yaml"
    text = customised(
        source.read_text(encoding="utf-8"), [*(changes or []), f"doubts.folds=[{folds}]"], source
    )
    suite = Suite(folder, parse_params(text, source), networks.split(","))
    rows = suite.draw()
    classes = read_classes(folder / "drawn" / project.CLASSES)
    suite.label("true", rows)
    spoiled = spoil(rows, len(classes), share, seed)
    wrong = wrong_labels(spoiled, rows)
    suite.label("spoiled", spoiled)
    ranked = suite.doubts(seed)
    file = folder.resolve() / "corrections.csv"
    best = list(ranked.values())[-1][: len(wrong)]
    write_corrections(file, decided(best, wrong, classes))
    suite.label("corrected", corrected(spoiled, classes, {row.image_id for row in rows}, file).images)
    result = {
        "wrong": len(wrong),
        "found": found_by_each(ranked, wrong),
        "mAP": {f"{name} labels": suite.accuracy(name) for name in ("spoiled", "corrected", "true")},
        "machine": processor(),
        "minutes": round((time.monotonic() - started) / 60, 1),
    }
    (folder / "result.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    typer.echo(tables(result))


if __name__ == "__main__":
    run(main)
