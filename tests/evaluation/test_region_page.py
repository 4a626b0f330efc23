"""The page of the teacher's best regions."""

import numpy as np
from matplotlib.patches import Rectangle

from wsdkd.evaluation.examples import BestRegion, draw_region_page

PICTURE = np.full((20, 30, 3), 128, np.uint8)


def test_a_row_a_class_with_the_box_and_the_image_score():
    first = BestRegion(PICTURE, (2.0, 3.0, 12.0, 18.0), 0.876)
    second = BestRegion(PICTURE, (0.0, 0.0, 30.0, 20.0), 0.1)
    figure = draw_region_page([("cat", [first, second]), ("dog", [second]), ("yak", [])])
    assert len(figure.axes) == 6
    assert [axes.get_ylabel() for axes in figure.axes] == ["cat", "", "dog", "", "yak", ""]
    boxes = [
        [(patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()) for patch in axes.patches]
        for axes in figure.axes
        if all(isinstance(patch, Rectangle) for patch in axes.patches)
    ]
    assert boxes == [[(2, 3, 10, 15)], [(0, 0, 30, 20)], [(0, 0, 30, 20)], [], [], []]
    assert [axes.get_title() for axes in figure.axes] == ["0.88", "0.10", "0.10", "", "", ""]
