"""A promotion killed at any moment leaves the old student promoted, whole, and the next one goes through."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving.fake_students import promote
from tests.serving.killed_promotion import MOMENTS
from wsdkd.networks.description import WEIGHTS
from wsdkd.serving.store import Store

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("killed")
    command = [sys.executable, "-m", "tests.serving.killed_promotion", str(root)]
    subprocess.run(command, cwd=ROOT, check=True)
    return root


@pytest.mark.xdist_group("killed_promotion")
@pytest.mark.parametrize("moment", MOMENTS)
def test_the_old_one_stands_whole(killed: Path, moment: str) -> None:
    store = Store(killed / f"promoted-{MOMENTS.index(moment)}")
    leftovers = [path.name for path in store.versions.iterdir() if path.name != "0001"]
    assert leftovers == [".0002.part" if moment in MOMENTS[:2] else "0002"]
    ledger = store.ledger()
    assert (ledger.current, ledger.versions) == (1, (1,))
    assert store.damage(1) is None
    assert (store.current_student() / WEIGHTS).read_text() == "one"

    assert promote(store, killed / "second") == 2
    assert (store.current_student() / WEIGHTS).read_text() == "two"
    assert sorted(path.name for path in store.versions.iterdir()) == ["0001", "0002"]
    assert not (store.folder / ".promoted.json.part").exists()
