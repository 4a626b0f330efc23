import subprocess
import sys
from pathlib import Path

import pytest

from tests.cache import synthetic_teacher as synthetic
from tests.cache.writing.killed_writer import MOMENTS
from wsdkd.cache.format import CacheError
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.shard import open_shard
from wsdkd.cache.writing.scratch import read_digest
from wsdkd.ground.digests import sha256


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("killed")
    subprocess.run([sys.executable, "-m", "tests.cache.writing.killed_writer", str(root)], check=True)
    return root


@pytest.mark.xdist_group("killed_writer")
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_writer_leaves_nothing_that_reads_as_valid(cache: Path, killed: Path, moment: str) -> None:
    number = list(MOMENTS).index(moment)
    folder, scratch = killed / f"cache-{number}", killed / f"scratch-{number}"
    with pytest.raises(CacheError, match="no such file"):
        TeacherCache(folder)
    finished = sorted(path.name for path in scratch.rglob("shard-*.h5"))
    assert len(finished) == MOMENTS[moment]
    for path in scratch.rglob("shard-*.h5"):
        assert sha256(path) == read_digest(path)
    if not moment.startswith(("after the mark", "after the digest")):
        for path in scratch.rglob(".shard-*.part"):
            with pytest.raises(CacheError, match="incomplete"):
                open_shard(path)

    computed = []
    synthetic.write(
        folder, scratch, synthetic.make_rows(20), seen=lambda row, _: computed.append(row.image_id)
    )
    assert len(set(computed)) == 20 - min(20, 8 * MOMENTS[moment])
    assert synthetic.contents(folder) == synthetic.contents(cache)
    assert not list(scratch.rglob(".*.part"))
    assert not list(killed.glob(f".cache-{number}.*"))


def test_what_an_interrupted_run_finished_is_dropped_when_an_input_changed(tmp_path: Path) -> None:
    folder, scratch = tmp_path / "cache", tmp_path / "scratch"
    rows = synthetic.make_rows(20)

    def stop(row: object, mirrored: bool) -> None:
        if row is rows[17] and mirrored:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthetic.write(folder, scratch, rows, seen=stop)
    assert len(list(scratch.rglob("shard-*.h5"))) == 2
    now = [synthetic.repainted(rows[0]), *rows[1:]]
    computed: list[str] = []
    synthetic.write(folder, scratch, now, seen=lambda row, _: computed.append(row.image_id))
    assert set(computed) == {row.image_id for row in [*rows[:8], *rows[16:]]}
