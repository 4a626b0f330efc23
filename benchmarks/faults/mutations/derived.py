"""Files that the program writes for itself: a change of any of them must be noticed when it is read."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from benchmarks.faults.mutations.subject import Outcome, Subject, outcome
from tests.cache import synthetic_teacher as synthetic
from tests.serving.fake_students import decision, provenance
from tests.training.small_world import CLASSES, STUDENT, TEACHER
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.verify import verify_cache
from wsdkd.data.annotations import ObjectRow, read_objects, write_objects
from wsdkd.data.tables import read_classes, read_images, write_classes, write_images
from wsdkd.networks.checkpoints import save_network
from wsdkd.proposals.stored import read_proposals, write_proposals
from wsdkd.serving.store import Store
from wsdkd.student.network import LoadedStudent, Student, load_student
from wsdkd.teacher.network import LoadedTeacher, Wsddn, load_teacher
from wsdkd.training.record import Resume

IMAGES = 20
SHARD_IMAGES = 8


def _write_tables(folder: Path) -> None:
    rows = synthetic.make_rows(IMAGES)
    write_images(folder / "images.parquet", rows, classes=synthetic.CLASSES)
    write_classes(folder / "classes.json", synthetic.CLASSES)
    boxes = [(row.image_id, row.labels[0], 1.0, 2.0, 30.5, 40.25, False, False) for row in rows]
    write_objects(folder / "objects.parquet", [ObjectRow(*each) for each in boxes])


def _read_tables(folder: Path, _: Path) -> Outcome:
    classes = read_classes(folder / "classes.json")
    rows = list(read_images(folder / "images.parquet", num_classes=len(classes)))
    return outcome((classes, rows, list(read_objects(folder / "objects.parquet", num_classes=len(classes)))))


def _write_proposals(folder: Path) -> None:
    rows = synthetic.make_rows(IMAGES)
    made = synthetic.make_proposals(rows)
    write_proposals(folder / "proposals", ((row.image_id, *made.of(row.image_id)) for row in rows))


def _read_proposals(folder: Path, _: Path) -> Outcome:
    read = read_proposals(folder / "proposals")
    return outcome([read.of(row.image_id) for row in synthetic.make_rows(IMAGES)])


def _write_cache(folder: Path, bits: int) -> None:
    rows = synthetic.make_rows(IMAGES)
    scratch = folder.with_name(f"{folder.name}-scratch")
    synthetic.write(folder / "cache", scratch, rows, bits=bits, shard_images=SHARD_IMAGES)


def _read_cache(folder: Path, _: Path) -> Outcome:
    rows = synthetic.make_rows(IMAGES)
    with TeacherCache(folder / "cache") as cache:
        cache.check(synthetic.CLASSES, rows, synthetic.PARTS)
        views = [list(cache.view(row.image_id, mirrored)) for row in rows for mirrored in (False, True)]
    return outcome([[array.tobytes().hex() for array in view] for view in views])


def _verify_cache(folder: Path, _: Path) -> Outcome:
    """As ``wsdkd cache verify``, which lists what it finds."""
    found = [str(damage) for _, damages in verify_cache(folder / "cache") for damage in damages]
    return outcome(("verified", found), tuple(found))


def _write_scratch(folder: Path) -> None:
    _write_cache(folder.with_name(f"{folder.name}-made"), 16)
    (folder.with_name(f"{folder.name}-made-scratch")).rename(folder / "scratch")


def _read_scratch(folder: Path, out: Path) -> Outcome:
    """The cache is written anew; what an earlier run left is taken or made again."""
    synthetic.write(out / "cache", folder / "scratch", synthetic.make_rows(IMAGES), shard_images=SHARD_IMAGES)
    return outcome({name: content.hex() for name, content in synthetic.contents(out / "cache").items()})


def _write_network(folder: Path, kind: str) -> None:
    torch.manual_seed(0)
    if kind == "student":
        save_network(folder / "model", Student(STUDENT, len(CLASSES)), "student", STUDENT, CLASSES)
    else:
        save_network(folder / "model", Wsddn(TEACHER, len(CLASSES)), "teacher", TEACHER, CLASSES)


def _read_network(folder: Path, _: Path, load: Callable[[Path], LoadedStudent | LoadedTeacher]) -> Outcome:
    model, params, classes = load(folder / "model")[:3]
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    return outcome((str(params), classes, state))


def _write_store(folder: Path) -> None:
    _write_network(folder, "student")
    store = Store(folder / "promoted")
    for _ in range(2):
        with store.only_one():
            version = store.next_version()
            store.add(folder / "model", decision(version), provenance(folder / "model"))


def _read_store(folder: Path, _: Path) -> Outcome:
    store = Store(folder / "promoted")
    current = store.current_student()
    ledger = store.ledger()
    student = load_student(current)
    versions = [(store.metrics(version), store.provenance(version)) for version in ledger.versions]
    weights = [value.numpy() for value in student.model.state_dict().values()]
    return outcome((current.name, str(ledger), student.classes, weights, [str(each) for each in versions]))


def _write_state(folder: Path) -> None:
    torch.manual_seed(0)
    Resume(folder / "state").save(0, {"model": Student(STUDENT, 3).state_dict(), "history": [1, 2]})


def _read_state(folder: Path, _: Path) -> Outcome:
    """A state that cannot be read means that the training starts again, with the same result."""
    state = Resume(folder / "state").load(0)
    if state is None:
        return outcome("from the start", ("the training starts again",))
    return outcome((state["history"], {name: value.numpy() for name, value in state["model"].items()}))


def subjects() -> list[Subject]:
    """A subject a kind of file."""
    caches = [
        Subject(f"teacher's cache of {bits} bits", partial(_write_cache, bits=bits), _read_cache)
        for bits in (16, 8)
    ]
    return [
        Subject("prepared tables", _write_tables, _read_tables),
        Subject("proposals", _write_proposals, _read_proposals),
        *caches,
        Subject("teacher's cache, verified", partial(_write_cache, bits=16), _verify_cache),
        Subject("shards of an interrupted run", _write_scratch, _read_scratch),
        Subject(
            "student",
            partial(_write_network, kind="student"),
            partial(_read_network, load=load_student),
        ),
        Subject(
            "teacher",
            partial(_write_network, kind="teacher"),
            partial(_read_network, load=load_teacher),
        ),
        Subject(
            "promoted students",
            _write_store,
            _read_store,
            broken=lambda path: "promoted" in path.parts and path.name not in ("lock",),
        ),
        Subject("state of a training", _write_state, _read_state),
    ]
