from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.serving.fake_students import decision, fake_student, promote, provenance
from wsdkd.ground.errors import UserError
from wsdkd.networks.description import WEIGHTS
from wsdkd.serving.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """With versions 1 to 3, whose weights are their numbers in words."""
    store = Store(tmp_path / "promoted")
    for content in ("one", "two", "three"):
        promote(store, fake_student(tmp_path / content, content))
    return store


def content(store: Store) -> str:
    return (store.current_student() / WEIGHTS).read_text()


def test_versions_stay_as_they_were_promoted(store: Store, tmp_path: Path) -> None:
    (tmp_path / "two" / WEIGHTS).write_text("changed since")
    assert [(store.path(version) / WEIGHTS).read_text() for version in (1, 2, 3)] == ["one", "two", "three"]
    assert content(store) == "three"
    assert store.metrics(2) == decision(2)
    assert store.provenance(1) == provenance(tmp_path / "one")


def test_rollback_goes_to_the_one_that_was_replaced_and_further(store: Store, tmp_path: Path) -> None:
    assert store.roll_back() == (3, 2)
    assert content(store) == "two"
    assert store.roll_back() == (2, 1)
    assert content(store) == "one"
    with pytest.raises(UserError, match="version 1 is promoted and replaced none"):
        store.roll_back()
    # A fourth version replaced version 1, whatever number stands before it.
    assert promote(store, fake_student(tmp_path / "four", "four")) == 4
    assert store.roll_back() == (4, 1)


def test_rollback_to_a_named_version(store: Store) -> None:
    assert store.roll_back(1) == (3, 1)
    assert store.ledger().rolled_back().keys() == {3}
    assert store.roll_back(3) == (1, 3)
    assert store.ledger().rolled_back() == {}
    assert [event.event for event in store.ledger().events] == ["promoted"] * 3 + ["rolled back"] * 2


@pytest.mark.parametrize(
    ("version", "message"),
    [(9, "no version 9; promoted were: 1, 2, 3"), (3, "version 3 is the promoted one already")],
)
def test_rollback_refuses(store: Store, version: int, message: str) -> None:
    with pytest.raises(UserError, match=message):
        store.roll_back(version)
    assert store.ledger().current == 3


def test_without_any_version(tmp_path: Path) -> None:
    store = Store(tmp_path / "promoted")
    with pytest.raises(UserError, match="nothing to go back to"):
        store.roll_back()
    with pytest.raises(UserError, match="no student is promoted yet; promote one: wsdkd promoted consider"):
        store.current_student()
    assert not store.folder.exists()


def test_a_damaged_version_is_neither_used_nor_gone_back_to(store: Store) -> None:
    (store.path(2) / WEIGHTS).write_text("twq")
    (store.path(3) / WEIGHTS).unlink()
    with pytest.raises(UserError, match=r"version 3: .*no such file; go back to a version that is whole"):
        store.current_student()
    with pytest.raises(UserError, match=r"version 2: .*not those that were promoted; name another"):
        store.roll_back()
    assert store.roll_back(1) == (3, 1)


def test_a_student_that_changes_while_it_is_copied_is_refused(store: Store, tmp_path: Path) -> None:
    student = fake_student(tmp_path / "new", "new")
    known = provenance(student)
    (student / WEIGHTS).write_text("newer")
    with store.only_one(), pytest.raises(UserError, match="changed while it was considered"):
        store.add(student, decision(4), known)
    assert content(store) == "three"
    assert not store.path(4).exists()


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}x", '{"schema_version": 2}', '{"current": 4, "events": []}', "\0"]
)
def test_a_damaged_ledger_is_named(store: Store, text: str) -> None:
    (store.folder / "promoted.json").write_text(text)
    with pytest.raises(UserError, match=r"promoted\.json: damaged, or of another version"):
        store.ledger()


def test_of_several_at_once_each_gets_a_version(store: Store, tmp_path: Path) -> None:
    students = [fake_student(tmp_path / f"s{number}", str(number)) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda student: promote(store, student), students))
    assert sorted(found) == list(range(4, 12))
    for student, version in zip(students, found, strict=True):
        assert (store.path(version) / WEIGHTS).read_text() == (student / WEIGHTS).read_text()
    assert store.ledger().versions == tuple(range(1, 12))
