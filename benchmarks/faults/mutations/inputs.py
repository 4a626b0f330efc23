"""Files of a user's own besides datasets: parameters, boxes, weights."""

from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet as pq
import safetensors.numpy
import safetensors.torch
import scipy.io
import torch
from ruamel.yaml import YAML

from benchmarks.faults.mutations.subject import Outcome, Subject, outcome
from tests.proposals.written_files import IDS, WRITERS
from tests.training.small_world import STUDENT
from wsdkd.data.tables import ImageRow
from wsdkd.networks.weights import read_file as read_weights
from wsdkd.profiles import KINDS
from wsdkd.proposals.from_file import boxes_of
from wsdkd.proposals.from_file import read_file as read_boxes
from wsdkd.settings.sections import load_section
from wsdkd.student.network import Student

PROFILES = Path(__file__).parents[3] / "profiles"


def _write_params(folder: Path, profile: str) -> None:
    (folder / "params.yaml").write_bytes((PROFILES / f"{profile}.yaml").read_bytes())


def _read_params(folder: Path, _: Path) -> Outcome:
    """A section after another, as the stages do."""
    data = {name: load_section(name, kind, folder / "params.yaml") for name, kind in KINDS.items()}
    sections = {name: section.model_dump(mode="json") for name, section in data.items()}
    return outcome(sections, told=_Values(sections))


class _Values(dict[str, Any]):
    """Parameters as they are used: what a file says of them is among these, the rest are defaults."""

    def __eq__(self, other: object) -> bool:
        return _within(other, dict(self))

    __hash__ = None


def _within(written: Any, used: Any) -> bool:
    if isinstance(written, dict):
        return isinstance(used, dict) and all(_within(value, used.get(key)) for key, value in written.items())
    return bool(written == used)


def _params_as_written(folder: Path) -> Any:
    return YAML(typ="safe", pure=True).load((folder / "params.yaml").read_text(encoding="utf-8"))


def _read_boxes(folder: Path, _: Path, name: str) -> Outcome:
    """As the stage ``propose``, which asks for the boxes of each image of a dataset."""
    read = read_boxes(folder / name)
    rows = [ImageRow(image, f"{image}.jpg", 100, 100, "train", (), (), "") for image in IDS]
    found = {row.image_id: [array.tolist() for array in boxes_of(read, folder / name, row)] for row in rows}
    return outcome(found, told=sum(len(boxes) for boxes, _ in found.values()))


def _boxes_as_written(folder: Path, name: str) -> int:
    """How many boxes there are: numbers of a file of somebody else's may be any."""
    path = folder / name
    if path.suffix == ".parquet":
        return sum(map(len, pq.read_table(path)["boxes"].to_pylist()))
    if path.suffix == ".npz":
        with np.load(path) as file:
            return len(file["boxes"])
    if h5py.is_hdf5(path):
        with h5py.File(path) as file:
            cells = (file[reference] for reference in file["boxes"][()].ravel())
            return sum(0 if "MATLAB_empty" in cell.attrs else cell.shape[-1] for cell in cells)
    return sum(len(cell) for cell in scipy.io.loadmat(path)["boxes"].ravel())


def _write_weights(folder: Path, name: str) -> None:
    torch.manual_seed(0)
    state = Student(STUDENT, 3).state_dict()
    if name.endswith(".safetensors"):
        safetensors.torch.save_file(state, folder / name)
    else:
        torch.save(state, folder / name)


def _read_weights(folder: Path, _: Path, name: str) -> Outcome:
    state = {key: value.numpy() for key, value in sorted(read_weights(folder / name).items())}
    return outcome(state, told={key: value.tobytes().hex() for key, value in state.items()})


def _weights_as_written(folder: Path, name: str) -> dict[str, str]:
    path = folder / name
    if path.suffix == ".safetensors":
        state = safetensors.numpy.load(path.read_bytes())
    else:
        state = {key: value.numpy() for key, value in torch.load(path, weights_only=True).items()}
    return {key: value.tobytes().hex() for key, value in sorted(state.items())}


def subjects() -> list[Subject]:
    """A subject a format of boxes and of weights, and two files of parameters."""
    made = [
        Subject(
            f"params.yaml ({name})", partial(_write_params, profile=name), _read_params, _params_as_written
        )
        for name in ("scenes-smoke", "coco")
    ]
    for name, writer in WRITERS.items():
        made.append(
            Subject(
                f"boxes of others, {name.partition('.')[2]}{' 7.3' if '73' in name else ''}",
                partial(_write_boxes, writer=writer, name=name),
                partial(_read_boxes, name=name),
                partial(_boxes_as_written, name=name),
            )
        )
    weights = [
        Subject(
            f"initial weights, {name.partition('.')[2]}",
            partial(_write_weights, name=name),
            partial(_read_weights, name=name),
            partial(_weights_as_written, name=name),
        )
        for name in ("w.safetensors", "w.pth")
    ]
    return [*made, *weights]


def _write_boxes(folder: Path, writer: Any, name: str) -> None:
    writer(folder / name)
