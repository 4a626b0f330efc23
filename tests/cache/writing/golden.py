"""What fixed inputs give in a cache, stored beside the version of the code that gave it.

``python -m tests.cache.writing.golden`` stores it anew, once ``OUTPUTS_VERSION`` was raised.
"""

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from tests.cache.synthetic_teacher import PARTS, OneProcess
from tests.training.small_world import TEACHER
from wsdkd.cache.format import ARRAYS, OUTPUTS_VERSION
from wsdkd.cache.params import CacheParams
from wsdkd.cache.reader import TeacherCache
from wsdkd.cache.shard import open_shard
from wsdkd.cache.writing.build import CacheBuilder, Forward
from wsdkd.cache.writing.fingerprint import CommonFingerprint
from wsdkd.data.tables import ImageRow
from wsdkd.ground.ids import IdIndex
from wsdkd.proposals.stored import Proposals
from wsdkd.teacher.network import LoadedTeacher, Wsddn
from wsdkd.teacher.run import ImageRegions, PictureView, ProposedImages, run_teacher

STORED = Path(__file__).with_name("golden.json")
CLASSES, REGIONS, WIDTH = ["cat", "dog", "emu"], 6, 8
SETTINGS: list[dict[str, Any]] = [
    {"bits": 16, "rois": "all"},
    {"bits": 16, "rois": 3},
    {"bits": 8, "rois": "all"},
    {"bits": 8, "rois": 3, "nms_iou": 0.3},
]


def random(seed: int) -> np.random.RandomState:
    """Numbers that no version of NumPy changes, other than those of its newer generators."""
    return np.random.RandomState(seed)


def images(count: int, width: int, height: int) -> list[ImageRow]:
    names = [f"{place}.png" for place in range(count)]
    labels = [(0,), (1, 2), (), (2,)]
    return [
        ImageRow(name, name, width, height, "train", labels[place % 4], (), name)
        for place, name in enumerate(names)
    ]


def proposals(rows: Sequence[ImageRow], count: int) -> Proposals:
    draws = random(1)
    corners = np.sort(draws.rand(len(rows) * count, 2, 2), axis=1) * (rows[0].width, rows[0].height)
    scores = -np.sort(-draws.rand(len(rows), count), axis=1)
    return Proposals(
        IdIndex(row.image_id for row in rows),
        np.arange(len(rows) + 1) * count,
        corners.reshape(-1, 4).astype(np.float32),
        scores.reshape(-1).astype(np.float32),
    )


def write(
    folder: Path, rows: Sequence[ImageRow], found: Proposals, forward: Forward, **settings: Any
) -> Path:
    params = CacheParams.model_validate(settings)
    builder = CacheBuilder(rows, CLASSES, found, 500, params, CommonFingerprint(PARTS, {}))
    builder.write(folder / "cache", folder / "scratch", forward, OneProcess())
    return folder / "cache"


def teacher() -> LoadedTeacher:
    """A small one, with weights that no version of a library changes."""
    model, draws = Wsddn(TEACHER, len(CLASSES)), random(2)
    state = model.state_dict()
    for name, value in state.items():
        if value.is_floating_point():
            fan_in = value[0].numel() if value.dim() > 1 else 1
            drawn = draws.standard_normal(tuple(value.shape)) * (2 / fan_in) ** 0.5
            state[name] = torch.from_numpy(np.abs(drawn) + 0.5 if "running_var" in name else drawn).float()
    model.load_state_dict(state)
    return LoadedTeacher(model.eval(), TEACHER, CLASSES)


def of_pictures(folder: Path) -> dict[str, Any]:
    """What a teacher says of drawn pictures, read back from a cache in half precision."""
    rows = images(3, 40, 28)
    for place, row in enumerate(rows):
        coarse = random(10 + place).randint(0, 256, (7, 10, 3)).astype(np.uint8)
        Image.fromarray(np.kron(coarse, np.ones((4, 4, 1), np.uint8))).save(folder / row.path)
    found, loaded = proposals(rows, REGIONS), teacher()

    def forward(rows: Sequence[ImageRow], mirrored: bool) -> Iterator[ImageRegions]:
        run = partial(run_teacher, loaded, ProposedImages(rows, folder, found), PictureView(32, mirrored))
        return run(batch_size=2, device=torch.device("cpu"), description=None)

    views = {}
    with TeacherCache(write(folder, rows, found, forward, rois=3)) as cache:
        for row in rows:
            for mirrored in (False, True):
                view = cache.view(row.image_id, mirrored)
                names = ("class_logits", "detection_logits", "chosen", "confidence", "features")
                views[f"{row.image_id} {'mirrored' if mirrored else 'plain'}"] = {
                    name: getattr(view, name).tolist() for name in names
                }
    return views


def of_outputs(folder: Path, **settings: Any) -> dict[str, Any]:
    """What becomes of given outputs: digests of the arrays of a shard, and the confidences of RoIs."""
    rows = images(4, 120, 80)
    found = proposals(rows, REGIONS)

    def forward(rows: Sequence[ImageRow], mirrored: bool) -> Iterator[ImageRegions]:
        for row in rows:
            draws = random(20 + 2 * int(row.image_id[0]) + mirrored)
            logits = draws.standard_normal((2, REGIONS, len(CLASSES))).astype(np.float32) * 3
            features = np.maximum(draws.standard_normal((REGIONS, WIDTH)).astype(np.float32), 0)
            yield ImageRegions(row.image_id, *found.of(row.image_id), logits[0], logits[1], features)

    with open_shard(write(folder, rows, found, forward, **settings) / "shard-00000.h5") as file:
        arrays = {name: file[name][()] for name in (*ARRAYS, "region_offsets", "chosen_offsets")}
        # Through exp, whose last bit is not the same on every processor.
        confidence = arrays["chosen"]["confidence"].tolist()
        arrays["chosen"] = arrays["chosen"]["region"]
    return {name: _digest(values) for name, values in arrays.items()} | {"confidence": confidence}


def _digest(values: np.ndarray) -> str:
    text = f"{values.dtype.str} {values.shape} ".encode() + np.ascontiguousarray(values).tobytes()
    return hashlib.sha256(text).hexdigest()


def stored() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(STORED.read_text(encoding="utf-8"))
    return content


def main() -> None:
    if STORED.exists() and stored()["outputs_version"] == OUTPUTS_VERSION:
        sys.exit(
            f"{STORED} is of version {OUTPUTS_VERSION}: raise OUTPUTS_VERSION in wsdkd/cache/format.py first"
        )
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name, str(place)) for place in range(1 + len(SETTINGS))]
        for folder in folders:
            folder.mkdir()
        content = {
            "outputs_version": OUTPUTS_VERSION,
            "pictures": of_pictures(folders[0]),
            "outputs": [
                of_outputs(folder, **settings) for folder, settings in zip(folders[1:], SETTINGS, strict=True)
            ],
        }
    STORED.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
