"""As many proposals an image as are wanted: a search finds as many as there are.

python -m benchmarks.growth.random_boxes IMAGES.PARQUET FOLDER COUNT
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from wsdkd.data.tables import ImageRow, read_images
from wsdkd.proposals.stored import write_proposals

SHORTEST = 4.0  # side of a box, in pixels


def random_boxes(rows: Sequence[ImageRow], count: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Id, boxes (count, 4) within the image, and scores (count,), best first; equal rows give equal boxes."""
    rng = np.random.default_rng(0)
    for row in rows:
        size = np.array([row.width, row.height], dtype=np.float64)
        corners = np.sort(rng.random((count, 2, 2)), axis=1) * (size - SHORTEST)
        corners[:, 1] += SHORTEST
        yield row.image_id, corners.reshape(count, 4), np.sort(rng.random(count))[::-1]


if __name__ == "__main__":
    images, folder, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    write_proposals(folder, random_boxes(read_images(images), count))
