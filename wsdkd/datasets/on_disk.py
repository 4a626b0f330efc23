"""A prepared dataset on disk, as Python opens it: the tables that the stage ``prepare`` writes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wsdkd import project
from wsdkd.data.annotations import write_objects
from wsdkd.data.photographs import unpacked_into
from wsdkd.data.tables import ImageTable, Split, read_classes, read_images, write_classes, write_images
from wsdkd.datasets.audit.count import facts_of
from wsdkd.datasets.audit.facts import write_facts
from wsdkd.datasets.audit.refuse import refuse_unusable
from wsdkd.datasets.audit.summary import summary
from wsdkd.datasets.params import DatasetParams
from wsdkd.datasets.prepare import prepare
from wsdkd.datasets.reading.rejections import DatasetError, write_rejected
from wsdkd.ground.files import publish_folder


@dataclass(frozen=True)
class Dataset:
    """A prepared dataset. ``prepare`` makes one, and ``Dataset(folder, root)`` opens one that is there.

    Attributes:
        folder: with the tables.
        root: of the dataset itself.
    """

    folder: Path
    root: Path

    @property
    def photographs(self) -> Path:
        """The folder that the paths of images are relative to."""
        return unpacked_into(self.folder / project.IMAGES.name) or self.root

    @property
    def classes(self) -> list[str]:
        """Names of the classes, in order."""
        return read_classes(self.folder / project.CLASSES.name)

    def images(self, split: Split | Sequence[Split] | None = None) -> ImageTable:
        """A row an image, of one split, of several together or of all."""
        return read_images(self.folder / project.IMAGES.name, split)


def write_prepared(
    root: Path, params: DatasetParams, to: Path, say: Callable[[str], object] | None = None
) -> Dataset:
    """Read a dataset, decode every image once, and write its tables.

    Args:
        root: the dataset's folder.
        params: section ``dataset``, of which ``root`` is not used.
        to: folder that takes the tables, and ``rejected.csv`` with what cannot be used.
        say: told what was found, line by line, before anything is refused.

    Raises:
        DatasetError: it cannot be read, or more images than ``max_rejected`` cannot be used.
    """
    rejected, photographs = to / project.REJECTED.name, to / project.PHOTOGRAPHS.name
    with publish_folder(photographs) as aside:
        try:
            prepared = prepare(root, params, unpack_into=aside)
        except DatasetError as error:
            write_rejected(rejected, error.rejected)
            raise
        # Before anything can be refused, so that the reasons are there to be read.
        write_rejected(rejected, prepared.rejected)
        facts = facts_of(prepared, root)
        write_facts(to / project.AUDIT.name, facts)
        if say is not None:
            for line in (*facts.notes, *summary(facts, str(rejected))):
                say(line)
        refuse_unusable(prepared, params, str(rejected))
    write_classes(to / project.CLASSES.name, prepared.classes)
    folder = photographs if prepared.unpacked else None
    write_images(to / project.IMAGES.name, prepared.images, folder, prepared.classes)
    objects = prepared.objects
    del prepared  # its images need not be there beside the objects that are being sorted
    write_objects(to / project.OBJECTS.name, objects)
    return Dataset(to, root)
