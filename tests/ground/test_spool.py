"""Arrays in a file without a name, against the arrays that went in."""

import gc
import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from wsdkd.ground.spool import Spool

VALUES = np.arange(40, dtype=np.float32).reshape(10, 4)


def filled(folder: Path) -> Spool:
    spool = Spool(folder, np.float32, 4)
    spool.append(VALUES[:7])
    spool.append(VALUES[7:7])
    spool.append(VALUES[7:])
    return spool


def test_any_rows_come_back(tmp_path: Path) -> None:
    spool = filled(tmp_path)
    assert len(spool) == 10
    for start in range(11):
        for stop in range(start, 11):
            np.testing.assert_array_equal(spool[start:stop], VALUES[start:stop])


def test_rows_of_single_values_have_one_dimension(tmp_path: Path) -> None:
    spool = Spool(tmp_path, np.int64)
    spool.append(np.arange(5))
    assert spool[1:3].tolist() == [1, 2]


def test_it_leaves_no_file_behind(tmp_path: Path) -> None:
    spool = filled(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(spool) == 10


def test_a_folder_that_is_not_there_is_no_hindrance(tmp_path: Path) -> None:
    np.testing.assert_array_equal(filled(tmp_path / "missing")[2:4], VALUES[2:4])


def test_a_forked_process_reads_at_places_of_its_own(tmp_path: Path) -> None:
    spool = filled(tmp_path)
    child = os.fork()
    if child == 0:
        os._exit(0 if (spool[3:6] == VALUES[3:6]).all() else 1)
    np.testing.assert_array_equal(spool[0:2], VALUES[0:2])
    assert os.waitpid(child, 0)[1] == 0


def test_another_process_is_sent_an_array(tmp_path: Path) -> None:
    sent = pickle.loads(pickle.dumps(filled(tmp_path)))
    assert isinstance(sent, np.ndarray)
    np.testing.assert_array_equal(sent, VALUES)


def test_rows_beyond_the_end_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="ends within an array"):
        filled(tmp_path)[8:12]


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_spool_that_was_never_made_goes_without_a_word(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        Spool(tmp_path, "no kind of number")
    gc.collect()


def test_its_file_is_closed_with_it(tmp_path: Path) -> None:
    before = _open_files()
    spool = filled(tmp_path)
    assert len(_open_files() - before) == 1
    del spool
    gc.collect()
    assert _open_files() <= before


def _open_files() -> set[str]:
    return {path.name for path in Path("/dev/fd").iterdir()}
