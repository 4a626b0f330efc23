"""Section ``dataset``: which photographs, which labels, which split."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from wsdkd import project
from wsdkd.settings.numbers import Count, CountOrNone, Fraction, Resolution, Seed
from wsdkd.settings.sections import Folder, Section


class _Common(Section):
    root: Folder
    """Folder of the dataset; absolute, or relative to the project."""
    draw: tuple[()] = ()
    """What to draw before the dataset is read; dvc.yaml makes a stage of each, so only scenes have one."""
    listed: dict[Literal["photographs"], Folder] = Field(default_factory=dict)
    """Folder of the dataset where ``root`` is data/listing: dvc.yaml then has a stage that lists it."""
    max_rejected: CountOrNone = 0
    """The stage fails when more images than this cannot be used."""
    max_pixels: Annotated[int, Field(ge=1, le=178_956_970)] = 100_000_000
    """A larger image counts as a decompression bomb; at most Pillow's own limit."""
    links: Literal["inside", "anywhere"] = "inside"
    """Where links to files may lead: inside the root or anywhere. Links to folders must stay inside."""
    corrections: str | None = None
    """File of corrected labels, below inputs/corrections; see :mod:`wsdkd.datasets.corrections`."""
    unlabelled_share: Fraction = 0.0
    """Share of the training images whose labels are withheld: they make up the split ``unlabelled``."""

    @property
    def lies_in(self) -> Path:
        """Of the dataset itself, whether DVC watches it or a listing of it."""
        return Path(self.listed.get("photographs", self.root))

    @model_validator(mode="after")
    def _what_is_listed_is_watched(self) -> Self:
        listing = project.LISTING.as_posix()
        if bool(self.listed) != (self.root == listing):
            raise ValueError(
                f"root: {listing} and listed: {{photographs: PATH}} go together, and DVC then watches a "
                f"listing of PATH; got root: {self.root}, listed: {self.listed}"
            )
        return self


class _HeldOut(_Common):
    validation_fraction: Fraction = 0.1
    """Share of the training images set aside as split ``val``, where the dataset names none."""
    split_seed: int = 0
    unlabelled_images: str | None = None
    """Folder below the root: its pictures that the annotations do not list are the split ``unlabelled``."""
    leaks: Literal["keep", "drop", "refuse"] = "keep"
    """The same picture in two splits: keep both, leave it out of the earlier one (train, val), or fail."""
    near_leaks: Literal["keep", "drop", "refuse"] = "keep"
    """The same of pictures that look alike; but for keep, they are also set aside together."""


class _NoTestSplit(_HeldOut):
    test_fraction: Fraction = 0.2
    """Share of the training images set aside as split ``test``, where the dataset names none."""


class _Boxed(_NoTestSplit):
    boxes_drawn_on: Literal["auto", "upright", "stored"] = "auto"
    """The frame of boxes in photographs that EXIF turns: upright, as stored, or whatever tells; see docs."""
    other_size: Literal["drop_boxes", "reject"] = "drop_boxes"
    """What is lost where a picture is not of the annotated size: its boxes, or the image with its labels."""


class ScenesDataset(_Common):
    """Scenes drawn by :mod:`wsdkd.datasets.scenes`, read back as COCO."""

    format: Literal["scenes"]
    links: Literal["inside", "anywhere"] = "anywhere"  # DVC may link a stage's outputs to its cache
    draw: tuple[Literal["scenes"]] = ("scenes",)  # type: ignore[assignment]
    train_images: Count = 1200
    val_images: Count = 200
    test_images: Count = 500
    side: Resolution = 192
    """Side of the square scenes, in pixels."""
    max_side: Annotated[float, Field(ge=0.1, le=0.8)] = 0.4
    """An object's longer side is at most this share of the scene's; smaller ones are harder to see."""
    seed: Seed = 0
    """Of the scenes, and of which of them lose their labels."""


class CocoDataset(_Boxed):
    """``instances_*.json`` with its folders of images."""

    format: Literal["coco"]
    train_annotations: str = "auto"
    """A file below the root; or those of all splits as usual tools name them, see the layouts."""
    train_images: str | None = None
    """Folder of the images; null: the one that belongs to a file of that name."""
    val_annotations: str | None = None
    """Annotations of split ``val``; without it ``validation_fraction`` of train is set aside."""
    val_images: str | None = None
    test_annotations: str | None = None
    """Annotations of split ``test``; without it ``test_fraction`` of train is set aside."""
    test_images: str | None = None
    leave_out: tuple[str, ...] = ()
    """Names of categories that are no classes; annotations with them are passed over."""
    unlabelled: Literal["keep", "drop"] = "keep"
    """Images without any label: keep (COCO val 2014: 40,504) or drop (40,137)."""

    @model_validator(mode="after")
    def _images_have_annotations(self) -> "CocoDataset":
        named = (
            self.train_images,
            self.val_annotations,
            self.val_images,
            self.test_annotations,
            self.test_images,
        )
        if self.train_annotations == "auto" and any(key is not None for key in named):
            raise ValueError("train_annotations: auto finds all files and folders; name it to name others")
        if (self.val_annotations is None and self.val_images) or (
            self.test_annotations is None and self.test_images
        ):
            raise ValueError("val_images and test_images go with val_annotations and test_annotations")
        return self


class VocDataset(_Boxed):
    """Pascal VOC, in the layout of its distribution or another, see :mod:`wsdkd.datasets.voc.layouts`."""

    format: Literal["voc"]
    layout: Literal["auto", "sets", "class_lists", "folders"] = "auto"
    """Image sets with XML; lists of a class in place of XML; folders of XML, beside pictures perhaps."""
    train_set: str = "trainval"
    """Of ``ImageSets/Main``; where there is none, a folder ``train``, ``valid`` or ``test`` is a split."""
    val_set: str | None = None
    test_set: str | None = "test"
    unannotated: Literal["reject", "empty"] = "reject"
    """What an image without XML is: rejected, or an image of none of the classes."""
    difficult: Literal["positive", "negative", "ignored"] = "ignored"
    """What a class is in an image where all its objects are difficult."""
    classes: tuple[str, ...] | None = None
    """The allowed labels, in order; by default all names found, sorted."""


class NusWideDataset(_HeldOut):
    """The official distribution of NUS-WIDE."""

    format: Literal["nuswide"]
    images: str = "Flickr"
    """Folder of the photographs, below the root."""
    unlabelled: Literal["keep", "drop"] = "drop"
    """Images with none of the 81 concepts: keep (161,789 / 107,859) or drop (125,449 / 83,898)."""


class NamedDataset(_NoTestSplit):
    """What formats have in common that tell an image's labels by name, and may not tell all of them."""

    classes: tuple[str, ...] | None = None
    """The allowed labels, in order; by default all labels found, sorted."""
    other_labels: Literal["reject", "drop"] = "reject"
    """A label that is not among ``classes``: its image is rejected, or the label is passed over."""
    none_label: str | None = None
    """A label that says that the image has none of the classes, such as ``No Finding``."""
    unlisted: Literal["negative", "ignored"] = "negative"
    """What a class is in an image that does not mention it."""
    uncertain: Literal["positive", "negative", "ignored"] = "ignored"
    """What a class is in an image that calls it uncertain."""
    contradictions: Literal["reject", "uncertain"] = "reject"
    """An image whose rows contradict each other is rejected, or the class in question is uncertain."""


class LabelTexts(NamedDataset):
    """What formats have in common that hold labels in texts."""

    separator: Annotated[str, Field(min_length=1)] | None = "auto"
    """Between the labels of a text; null: a text is one label. Lists are read as lists in any case."""
    marks: bool | None = None
    """Whether ``-dog`` says that no dog is there, ``?dog`` that nobody knows; null: where dog is a label."""
    split_names: dict[str, Literal["train", "val", "test", "unlabelled", "unused"]] = Field(
        default_factory=dict
    )
    """What words for splits mean, where it is not what is usual."""


class SplitListed(LabelTexts):
    """What formats have in common whose splits lists of files may tell."""

    train_list: str | None = None
    """File below the root that lists the paths of split ``train``, one a line."""
    val_list: str | None = None
    test_list: str | None = None


class LabelColumns(LabelTexts):
    """What formats have in common that hold labels in columns."""

    labels_column: str = "auto"
    labels_columns: tuple[str, ...] | Literal["others"] | None = None
    """Columns that are a class each, with 1 or 0 in their cells; all ``others`` that are not named here."""
    cells: dict[str, Literal["present", "absent", "uncertain"]] = Field(default_factory=dict)
    """What the cells of ``labels_columns`` mean, where it is not what is usual."""


class TableDataset(LabelColumns, SplitListed):
    """A CSV, JSON Lines or Parquet file with a path and labels a row."""

    format: Literal["table"]
    file: str = "labels.csv"
    encoding: str = "auto"
    delimiter: Annotated[str, Field(min_length=1)] = "auto"
    """Between cells: one character, where a blank stands for runs of them."""
    header: bool | None = None
    """Whether the first row names the columns; without one, they go by their numbers from 1."""
    path_column: str = "auto"
    images: str = ""
    """Folder below the root that the paths are relative to."""
    value_column: str | None = "auto"
    """Column that says with 1 or 0 whether the label of its row is there; null: all labels are."""
    split_column: str | None = "auto"
    """Column of train, val or test; null: there is none."""
    split_file: str | None = "auto"
    """Table below the root of a picture and its split a row; by default one beside that of the labels, where
    neither this nor lists tell splits; null: there is none."""
    group_column: str | None = None
    """Images of one group (a patient, a camera, a burst) are set aside together."""


class HuggingFaceDataset(LabelColumns):
    """Parquet or Arrow files as Hugging Face's hub stores them, with the pictures inside."""

    format: Literal["hugging_face"]
    folder: str = ""
    """Below the root, with the files of one configuration, where there are several."""
    image_column: str = "auto"
    group_column: str | None = None
    """Images of one group (a patient, a camera, a burst) are set aside together."""


class FoldersDataset(SplitListed):
    """Pictures in a folder a class, or with a text file of labels beside each."""

    format: Literal["folders"]
    images: str = ""
    """Folder below the root that holds them."""
    labels: Literal["auto", "folders", "files"] = "auto"
    """Where an image's label stands: in the name of its folder, or in a text file beside it."""
    unannotated: Literal["reject", "empty"] = "reject"
    """What an image without a text file is: rejected, or an image of none of the classes."""


class OpenImagesDataset(NamedDataset):
    """Open Images: image-level labels that people have verified, of all or some of the photographs."""

    format: Literal["open_images"]
    unlisted: Literal["negative", "ignored"] = "ignored"
    """What a class is in an image for which nobody has verified it."""
    contradictions: Literal["reject", "uncertain"] = "uncertain"
    """An image whose rows contradict each other is rejected, or the class in question is uncertain."""


class WebDataset(LabelColumns):
    """Tar shards of samples: a picture with a .json, .cls or .txt file of the same name."""

    format: Literal["webdataset"]
    folder: str = ""
    """Below the root, with the shards."""
    group_column: str | None = None
    """Key of the JSON files; images of one group (a patient, a camera, a burst) are set aside together."""


class AutoDataset(_NoTestSplit):
    """Whatever form the folder is found to have, see :mod:`wsdkd.datasets.detect`."""

    format: Literal["auto"] = "auto"
    """Where a section names no format, and no key of another one, this is it."""


DatasetParams = Annotated[
    AutoDataset
    | ScenesDataset
    | CocoDataset
    | VocDataset
    | NusWideDataset
    | TableDataset
    | HuggingFaceDataset
    | FoldersDataset
    | OpenImagesDataset
    | WebDataset,
    Field(discriminator="format"),
]
