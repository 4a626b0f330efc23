"""Which labels of an image a crop of it still shows: the teacher has said where each of them is.

A label is of the whole picture. In a crop its object may be out of view, and then the label is wrong there;
without a teacher nobody knows. Yun et al. ("Re-labeling ImageNet", CVPR 2021) give each crop labels of its
own from a map of scores; here the teacher's chosen regions take the place of the map.
"""

from collections.abc import Sequence

from wsdkd.cache.view import TeacherViews
from wsdkd.data.images import WHOLE
from wsdkd.data.tables import UNLABELLED, ImageRow
from wsdkd.training.views import View


class LabelsInView:
    """Tells labels whose objects have left a view from those that are still there.

    Args:
        rows: images.
        cache: of at least these.
        least: a label is still there if a chosen region in view holds it at least this share as well as the
            one of all chosen regions that holds it best.
    """

    def __init__(self, rows: Sequence[ImageRow], cache: TeacherViews, least: float):
        self._rows, self._cache, self._least = rows, cache, least

    def lost(self, view: View) -> list[int]:
        """Places of the classes that the image holds, but perhaps not in this view.

        Of an image whose labels nobody knows all classes are asked for. Where the teacher chose no region,
        none is lost: nothing is known of where they are.
        """
        if view.change is None or view.change.window == WHOLE:
            return []
        row = self._rows[view.row]
        seen = self._cache.view(row.image_id, view.mirrored)
        shares = seen.shares
        if not len(shares):
            return []
        left = shares[view.regions(seen.boxes[seen.chosen], row.width, row.height).places]
        gone = left.max(axis=0, initial=0) < self._least * shares.max(axis=0)
        asked = range(shares.shape[1]) if row.split == UNLABELLED else row.labels
        return [label for label in asked if gone[label]]
