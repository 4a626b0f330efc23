"""The categories of several COCO files as one list of classes, matched by their names.

A file of one split may list some of the categories, or number them otherwise. Export tools add a root
category that nothing is annotated with, which is no class.
"""

from collections import Counter
from collections.abc import Collection

from wsdkd.datasets.coco.file import CocoFile, Id
from wsdkd.datasets.reading.names import class_list, class_name
from wsdkd.datasets.reading.rejections import DatasetError


class Categories:
    """Categories as they come up, file by file, the training file first.

    Args:
        left_out: names of categories that are no classes, whatever is annotated with them.
    """

    def __init__(self, left_out: Collection[str] = ()):
        self._left_out = {class_name(name) for name in left_out}
        self._places: dict[str, int] = {}
        self._above: dict[str, set[str]] = {}
        self._annotated: Counter[str] = Counter()
        self._files: list[tuple[str, list[str]]] = []
        self.notes: list[str] = []

    def add(self, file: CocoFile) -> dict[Id, int]:
        """The place of each category of a file among all names so far; see :meth:`classes`.

        Raises:
            DatasetError: an id stands for two names.
        """
        names: dict[Id, str] = {}
        for entry in sorted(file.categories, key=lambda entry: (isinstance(entry["id"], str), entry["id"])):
            name = class_name(str(entry["name"]))
            other = names.setdefault(entry["id"], name)
            if other != name:
                raise DatasetError(
                    f"{file.path}: the category id {entry['id']!r} stands for {other!r} and for {name!r}"
                )
            above = entry.get("supercategory")
            if isinstance(above, str) and class_name(above) != name:
                self._above.setdefault(class_name(above), set()).add(name)
        for name, times in Counter(names.values()).items():
            if times > 1:
                ids = ", ".join(repr(key) for key, other in names.items() if other == name)
                self.notes.append(f"{file.path}: categories {ids} are all named {name!r} and are one class")
        for notes in file.annotations.values():
            self._annotated.update(names[key] for note in notes if (key := note["category_id"]) in names)
        for name in names.values():
            self._places.setdefault(name, len(self._places))
        self._files.append((file.path, list(names.values())))
        return {key: self._places[name] for key, name in names.items()}

    def classes(self) -> tuple[tuple[str, ...], list[int | None]]:
        """The classes, and the class of each place that :meth:`add` gave, None where it is none.

        Raises:
            DatasetError: a later file has annotations of a category that the first does not list, or
                ``left_out`` names one that there is not.
        """
        unknown = sorted(self._left_out - set(self._places))
        if unknown:
            there = ", ".join(list(self._places)[:10])
            raise DatasetError(f"dataset.leave_out: {unknown[0]!r} is no category; there are {there}")
        none = self._roots() | self._left_out | self._of_later_files()
        names = class_list((), [name for name in self._places if name not in none], self._files[0][0])
        numbers = {name: place for place, name in enumerate(names)}
        return names, [numbers.get(name) for name in self._places]

    def _roots(self) -> set[str]:
        found = {name for name in self._above if name in self._places and not self._annotated[name]}
        if found:
            names = ", ".join(map(repr, sorted(found)))
            self.notes.append(f"left out: {names}, which nothing is annotated with and others belong to")
        return found

    def _of_later_files(self) -> set[str]:
        first, listed = self._files[0]
        found: set[str] = set()
        for path, names in self._files[1:]:
            new = [name for name in names if name not in listed and name not in self._left_out]
            annotated = [name for name in new if self._annotated[name]]
            if annotated:
                name, there = annotated[0], ", ".join(listed[:10])
                raise DatasetError(
                    f"{path}: {self._annotated[name]} annotations of the category {name!r}, which {first} "
                    f"does not list ({there}); correct its name, or leave it out: dataset.leave_out: [{name}]"
                )
            found.update(new)
        if found:
            names_left = ", ".join(map(repr, sorted(found)))
            self.notes.append(f"left out: {names_left}, not in {first}, and nothing is annotated with them")
        return found
