"""A promotion killed at any moment leaves the old student promoted, whole, and the next one goes through."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving.fake_students import promote
from tests.serving.killed_promotion import MOMENTS
from wsdkd.networks.description import WEIGHTS
from wsdkd.serving.ledger import Ledger
from wsdkd.serving.store import Store

ROOT = Path(__file__).parents[2]


pytestmark = pytest.mark.xdist_group("killed_promotion")


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("killed")
    command = [sys.executable, "-m", "tests.serving.killed_promotion", str(root)]
    subprocess.run(command, cwd=ROOT, check=True)
    return root


@pytest.mark.parametrize("moment", MOMENTS[:-1])
def test_the_old_one_stands_whole(killed: Path, moment: str) -> None:
    store = Store(killed / f"second-of-{MOMENTS.index(moment)}")
    left = {MOMENTS[0]: [], MOMENTS[1]: [".0002.N.part"], MOMENTS[2]: [".0002.N.part"]}.get(moment, ["0002"])
    found = [path.name for path in store.versions.iterdir() if path.name != "0001"]
    assert [re.sub(r"\.\d+\.part", ".N.part", name) for name in found] == left
    ledger = store.ledger()
    assert (ledger.current, ledger.versions) == (1, (1,))
    assert store.damage(1) is None
    assert (store.current_student() / WEIGHTS).read_text() == "one"

    assert promote(store, killed / "second") == 2
    assert (store.current_student() / WEIGHTS).read_text() == "two"
    assert sorted(path.name for path in store.versions.iterdir()) == ["0001", "0002"]
    assert not list(store.folder.glob(".promoted.json.*"))
    assert not (store.folder / "unfinished").exists()


@pytest.mark.parametrize("moment", MOMENTS[:-1])
def test_after_the_first_of_all_nothing_is_promoted_yet(killed: Path, moment: str) -> None:
    store = Store(killed / f"first-of-{MOMENTS.index(moment)}")
    assert store.ledger() == Ledger()
    assert promote(store, killed / "second") == 1
    assert [path.name for path in store.versions.iterdir()] == ["0001"]
    assert (store.current_student() / WEIGHTS).read_text() == "two"


def test_once_the_ledger_names_it_the_new_one_is_promoted(killed: Path) -> None:
    number = len(MOMENTS) - 1
    for name, version in (("first", 1), ("second", 2)):
        store = Store(killed / f"{name}-of-{number}")
        assert store.ledger().current == version
        assert (store.current_student() / WEIGHTS).read_text() == "two"
        assert promote(store, killed / "first") == version + 1
        assert store.damage(version) is None
