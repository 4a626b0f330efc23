import json
import shutil
import subprocess
import sys
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
    with pytest.raises(UserError, match=r"version 2: .*: not the file that was promoted; name another"):
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
    "text",
    ["{", "[]", "{}x", '{"schema_version": 2}', '{"current": 4, "events": []}', "\0", "[" * 100_000, "\xff"],
)
def test_a_damaged_ledger_is_named_and_built_anew(store: Store, text: str) -> None:
    ledger = store.folder / "promoted.json"
    whole = store.ledger()
    ledger.write_bytes(text.encode("latin-1"))
    with pytest.raises(
        UserError, match=r"promoted\.json: (damaged, or of another version|not UTF-8|not JSON)"
    ) as said:
        store.ledger()
    assert "\n" not in str(said.value)
    found = store.rebuild()
    assert store.ledger() == found.ledger == whole
    assert found.damaged is not None
    assert found.damaged.read_bytes() == text.encode("latin-1")


@pytest.mark.parametrize(
    ("name", "then", "now"),
    [
        ("promoted.json", '"event": "promoted"', '"event": "rolled back"'),
        ("promoted.json", "2026-01-02T03:04:05", "2026-01-02T03:04:06"),
        ("promoted.json", '"event": "promoted"', r'"event": "\ud800"'),
        ("versions/0003/provenance.json", '"threshold": null', '"threshold": 0.2'),
        ("versions/0003/provenance.json", '"forced": false', '"forced": true'),
        ("versions/0003/provenance.json", '"digest": "', '"digest": "0'),
        ("versions/0003/metrics.json", '"mAP": 50.0', '"mAP": 60.0'),
    ],
)
def test_an_edited_file_is_noticed(store: Store, name: str, then: str, now: str) -> None:
    path = store.folder / name
    text = path.read_text()
    assert then in text
    path.write_text(text.replace(then, now, 1))
    message = rf"{name}: digest: not that of what the file holds: edited, or damaged"
    if "metrics" in name:
        assert content(store) == "three"  # it says why the student was promoted, which no prediction asks
        with pytest.raises(UserError, match=message):
            store.metrics(3)
        return
    with pytest.raises(UserError, match=message):
        store.current_student()
    if "versions" in name:
        assert store.roll_back() == (3, 2)
    else:
        assert store.rebuild().ledger.current == 3
        assert content(store) == "three"


def test_files_of_earlier_versions_have_no_digest(store: Store) -> None:
    for name in ("promoted.json", "versions/0003/provenance.json", "versions/0003/metrics.json"):
        path = store.folder / name
        held = json.loads(path.read_text())
        del held["digest"]
        path.write_text(json.dumps(held))
    assert content(store) == "three"
    assert store.metrics(3) == decision(3)


def test_a_lost_ledger_is_not_taken_for_nothing_promoted(store: Store, tmp_path: Path) -> None:
    (store.folder / "promoted.json").unlink()
    for asked in (store.ledger, store.current_student, store.roll_back, store.next_version):
        with pytest.raises(
            UserError, match=r"missing, though versions 1, 2, 3 are.*: wsdkd promoted rebuild"
        ):
            asked()
    with pytest.raises(UserError, match="wsdkd promoted rebuild"):
        promote(store, fake_student(tmp_path / "four", "four"))
    assert [(store.path(version) / WEIGHTS).read_text() for version in (1, 2, 3)] == ["one", "two", "three"]


def test_a_ledger_built_anew(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="this ledger is whole"):
        store.rebuild()
    whole = store.ledger()
    (store.folder / "promoted.json").unlink()
    assert store.rebuild().ledger == store.ledger() == whole
    assert store.roll_back() == (3, 2)
    # A rollback is forgotten: who knows of it names the version.
    (store.folder / "promoted.json").unlink()
    with pytest.raises(UserError, match=r"there is no version 7; whole are: 1, 2, 3"):
        store.rebuild(use=7)
    assert store.rebuild(use=2).ledger.current == 2
    assert store.ledger().rolled_back().keys() == {3}
    assert promote(store, fake_student(tmp_path / "four", "four")) == 4


def test_damaged_versions_are_left_out_of_a_ledger_built_anew(store: Store) -> None:
    (store.folder / "promoted.json").unlink()
    (store.path(3) / WEIGHTS).write_text("rot")
    (store.path(1) / "provenance.json").write_text("{")
    found = store.rebuild()
    assert (found.ledger.current, found.ledger.versions) == (2, (2,))
    assert [reason.partition(":")[0] for reason in found.left_out] == ["version 1", "version 3"]
    (store.folder / "promoted.json").unlink()
    (store.path(2) / WEIGHTS).unlink()
    with pytest.raises(UserError, match="no version is whole: version 1: "):
        store.rebuild()
    with pytest.raises(UserError, match="there is no version"):
        Store(store.folder / "elsewhere").rebuild()


def test_what_a_user_put_among_the_versions_stays(store: Store, tmp_path: Path) -> None:
    copies = ("0002 before the summer", "backup", "0007")
    for name in copies:
        shutil.copytree(store.path(2), store.versions / name)
    (store.versions / "latest").symlink_to(store.path(3))
    (store.versions / "0009").symlink_to(tmp_path / "one")
    (store.versions / "notes.txt").write_text("mine")
    (store.versions / ".0004.part").mkdir()
    # The next version takes a number that nothing has.
    assert promote(store, fake_student(tmp_path / "four", "four")) == 10
    assert content(store) == "four"
    names = {path.name for path in store.versions.iterdir()}
    assert names == {"0001", "0002", "0003", "0010", *copies, "latest", "0009", "notes.txt", ".0004.part"}
    assert (store.versions / "latest").is_symlink()
    assert (tmp_path / "one" / WEIGHTS).read_text() == "one"


def test_what_a_killed_promotion_left_goes_unless_somebody_used_it(store: Store, tmp_path: Path) -> None:
    (store.folder / "unfinished").write_text("4\n")
    shutil.copytree(store.path(3), store.path(4))
    (store.path(4) / "notes.txt").write_text("mine")
    assert promote(store, fake_student(tmp_path / "four", "four")) == 5
    assert (store.path(4) / "notes.txt").read_text() == "mine"
    (store.folder / "unfinished").write_text("6\n")
    shutil.copytree(store.path(3), store.path(6))
    assert promote(store, fake_student(tmp_path / "six", "six")) == 6
    assert content(store) == "six"
    # A version that is in the ledger was finished, whatever the mark says.
    (store.folder / "unfinished").write_text("6\n")
    assert promote(store, fake_student(tmp_path / "seven", "seven")) == 7
    assert store.damage(6) is None
    (store.folder / "unfinished").write_text("nonsense")
    assert promote(store, fake_student(tmp_path / "eight", "eight")) == 8


def test_a_lock_that_is_held_is_waited_for_and_goes_with_its_holder(
    store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code = (
        "import fcntl, sys, time; file = open(sys.argv[1], 'w'); fcntl.flock(file, fcntl.LOCK_EX); "
        "print(flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(store.folder / "lock")], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(promote, store, fake_student(tmp_path / "four", "four"))
        with pytest.raises(TimeoutError):
            found.result(timeout=0.5)
        assert "waiting for another promotion into" in capfd.readouterr().err
        holder.kill()
        assert found.result(timeout=10) == 4
    holder.communicate()


def test_of_several_at_once_each_gets_a_version(store: Store, tmp_path: Path) -> None:
    students = [fake_student(tmp_path / f"s{number}", str(number)) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda student: promote(store, student), students))
    assert sorted(found) == list(range(4, 12))
    for student, version in zip(students, found, strict=True):
        assert (store.path(version) / WEIGHTS).read_text() == (student / WEIGHTS).read_text()
    assert store.ledger().versions == tuple(range(1, 12))
