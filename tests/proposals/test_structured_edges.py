from pathlib import Path

import numpy as np
import pytest

from wsdkd.proposals.edge_boxes import EdgeModelError, check_edge_model, structured_edges


def test_a_structured_edge_model_is_used_as_opencv_means_it() -> None:
    class Detector:
        def detectEdges(self, picture: np.ndarray) -> np.ndarray:
            assert picture.dtype == np.float32
            assert picture.max() <= 1
            return picture[..., 0]

        def computeOrientation(self, thick: np.ndarray) -> np.ndarray:
            return np.full_like(thick, np.pi)

        def edgesNms(self, thick: np.ndarray, orientation: np.ndarray, isParallel: bool) -> np.ndarray:
            assert not isParallel
            return thick * (orientation > 3)

    edges = structured_edges(np.full((4, 5, 3), 51, np.uint8), Detector())
    np.testing.assert_allclose(edges.magnitude, 0.2)
    assert not edges.orientation.any()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file"),
        (b"", "not YAML"),
        (b"\x80\x04K\x01.", "not YAML"),
        (b"%YAML:1.0\n---\na: 1\n", "it has no options"),
        (b"%YAML:1.0\n---\noptions:\n   stride: 2\n   numberOfTrees: 0\n", "it has no shrinkNumber"),
    ],
)
def test_what_is_no_model_is_refused_before_opencv_dies_of_it(
    tmp_path: Path, content: bytes | None, reason: str
) -> None:
    model = tmp_path / "model.yml"
    if content is not None:
        model.write_bytes(content)
    with pytest.raises(EdgeModelError, match=rf"proposals\.structured_edge_model: .*model\.yml: .*{reason}"):
        check_edge_model(str(model))
