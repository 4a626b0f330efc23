"""The pictures of the report: test images, each once, with heat maps and regions to lay over them."""

import base64
import io
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from wsdkd.data.images import decode_prepared
from wsdkd.data.tables import ImageRow
from wsdkd.ground.workers import worker_count
from wsdkd.networks.decoding import picture_batches
from wsdkd.pages.thumbnails import Thumbnail, thumbnail
from wsdkd.student.heat import class_heat, heat_of_logits
from wsdkd.student.network import LoadedStudent

MOST = 1200
"""Pictures that classes show, of all classes together: 5 MB of thumbnails, about."""
OF_A_KIND = 3
"""Of a class: this many best hits, worst misses and confident mistakes, where :data:`MOST` allows."""
ROOM = 11_000_000
"""Bytes of thumbnails; what would be beyond is left out."""
BATCH = 32
HEAT = (232, 69, 44)
STRENGTH = 190
"""Of 255, how much of the picture the hottest cell covers."""


def images_of_a_kind(num_classes: int) -> int:
    """How many images of each of the three kinds a class may show; 0 where there are too many classes."""
    return min(OF_A_KIND, MOST // (3 * num_classes))


def thumbnails_of(rows: Sequence[ImageRow], root: Path, places: Sequence[int]) -> dict[int, Thumbnail]:
    """Of the images at some places, made by as many threads as there are CPUs.

    Raises:
        UserError: a photograph is gone or damaged since it was prepared.
    """

    def made(place: int) -> Thumbnail:
        return thumbnail(decode_prepared(root / rows[place].path))

    with ThreadPoolExecutor(worker_count()) as pool:
        return dict(zip(places, pool.map(made, places), strict=True))


@dataclass
class Gallery:
    """Thumbnails by the place of their image; each stands in the page once, however often it is shown.

    Attributes:
        rows: of the test images.
        root: folder that their paths are relative to.
        made: of all images that may be shown.
        thumbnails: those that are shown.
    """

    rows: Sequence[ImageRow]
    root: Path
    made: Mapping[int, Thumbnail]
    thumbnails: dict[int, Thumbnail] = field(default_factory=dict)
    _bytes: int = 0

    def add(self, place: int) -> bool:
        """Take an image in; False where the page has no room for it."""
        if place in self.thumbnails:
            return True
        made = self.made[place]
        if self._bytes + len(made.uri) > ROOM:
            return False
        self._bytes += len(made.uri)
        self.thumbnails[place] = made
        return True


def heat_uris(
    loaded: LoadedStudent,
    gallery: Gallery,
    wanted: dict[int, list[int]],
    cells: np.ndarray | None,
    device: torch.device,
) -> dict[tuple[int, int], str]:
    """Heat maps of a student, as pictures that are stretched over the image.

    Args:
        loaded: the student.
        gallery: whose rows the places mean.
        wanted: for places of images, the classes that are asked for.
        cells: :meth:`~wsdkd.student.network.Student.cell_logits` of all rows, (N, K, h, w); None where the
            student is to look again.
        device: where to compute.

    Returns:
        For (place, class) a data URI: a pixel a cell, transparent where the student sees nothing.
    """
    if cells is not None:
        return {
            (place, label): heat_uri(heat)
            for place, labels in wanted.items()
            for label, heat in zip(labels, heat_of_logits(cells[place, labels]), strict=True)
        }
    model = loaded.model.to(device).to(memory_format=torch.channels_last)
    places = sorted(wanted)
    rows = [gallery.rows[place] for place in places]
    batches = picture_batches(rows, gallery.root, loaded.params.input_size, False, BATCH)
    found: dict[tuple[int, int], str] = {}
    left = iter(places)
    for batch, pictures in batches:
        here = [next(left) for _ in batch]
        heats = class_heat(model, pictures.to(device), [wanted[place] for place in here])
        for place, maps in zip(here, heats, strict=True):
            for label, heat in zip(wanted[place], maps, strict=True):
                found[place, label] = heat_uri(heat)
    return found


def heat_uri(heat: np.ndarray) -> str:
    """A map (h, w) in [0, 1] as a data URI of a PNG file, a pixel a cell."""
    pixels = np.empty((*heat.shape, 4), dtype=np.uint8)
    pixels[..., :3] = HEAT
    pixels[..., 3] = np.round(heat * STRENGTH)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
