"""``promoted.json``: which version is promoted, and all that happened before. The only truth of it.

The folder of promoted students: versions that never change, and the ledger that names the current one.

::

    promoted.json           the ledger; a version that it does not name does not exist
    versions/0001/          model.safetensors, model.json, metrics.json, provenance.json
    decisions.json          what was refused, so that it need not be measured again
    lock                    held while a student is considered

A version's folder is complete before the ledger names it, and the ledger is replaced at once, so that
a promotion killed at any moment leaves the old student promoted.
"""

import fcntl
import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from wsdkd.evaluation.files import write_report
from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file, publish_folder
from wsdkd.networks.description import DESCRIPTION, WEIGHTS
from wsdkd.serving.decision import Decision
from wsdkd.serving.provenance import Provenance, Weights, now

LEDGER = "promoted.json"


class Event(BaseModel):
    """A change of the promoted version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: Literal["promoted", "rolled back"]
    version: int
    """Promoted from then on."""
    previous: int | None
    """Promoted until then."""
    time: str


class Ledger(BaseModel):
    """The promoted version and the events that led to it, the oldest first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    current: int | None = None
    events: tuple[Event, ...] = ()

    @model_validator(mode="after")
    def _current_is_last(self) -> "Ledger":
        if self.current != (self.events[-1].version if self.events else None):
            raise ValueError("current is not the version of the last event")
        return self

    @property
    def versions(self) -> tuple[int, ...]:
        """All versions ever promoted, ascending."""
        return tuple(event.version for event in self.events if event.event == "promoted")

    def replaced(self) -> int | None:
        """The version that the current one replaced when it was promoted.

        Not the one of the event before: two rollbacks in a row go two versions back.
        """
        promoted = {event.version: event for event in self.events if event.event == "promoted"}
        return None if self.current is None else promoted[self.current].previous

    def rolled_back(self) -> dict[int, str]:
        """Versions that were left for an older one and not returned to, with the time of it."""
        left: dict[int, str] = {}
        for event in self.events:
            left.pop(event.version, None)
            if event.event == "rolled back" and event.previous is not None and event.version < event.previous:
                left[event.previous] = event.time
        return left

    def then(self, event: Event) -> "Ledger":
        """The ledger after one more event."""
        return Ledger(current=event.version, events=(*self.events, event))


def read_ledger(folder: Path) -> Ledger:
    """Read the ledger below ``folder``; without a file nothing is promoted.

    Raises:
        UserError: the file is damaged, or was written by another version.
    """
    path = folder / LEDGER
    try:
        return Ledger.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Ledger()
    except (ValidationError, UnicodeDecodeError) as error:
        what = error.errors(include_url=False)[0] if isinstance(error, ValidationError) else None
        reason = f"{'.'.join(map(str, what['loc']))}: {what['msg']}" if what else str(error)
        raise UserError(
            f"{path}: damaged, or of another version ({reason.lstrip(': ')}); bring back the file, "
            f"or move {folder} away and promote a student anew"
        ) from None


def write_ledger(folder: Path, ledger: Ledger) -> None:
    """Put ``ledger`` in place of the one below ``folder``, at once."""
    with publish_file(folder / LEDGER) as aside:
        aside.write_text(json.dumps(ledger.model_dump(mode="json"), indent=1) + "\n", encoding="utf-8")


METRICS, PROVENANCE = "metrics.json", "provenance.json"

File = TypeVar("File", bound=BaseModel)


class Store:
    """Promoted students below ``folder``.

    Args:
        folder: made by the first promotion.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.versions = folder / "versions"

    def ledger(self) -> Ledger:
        """Which version is promoted; see :func:`wsdkd.serving.store.read_ledger`."""
        return read_ledger(self.folder)

    def path(self, version: int) -> Path:
        """Folder of a version."""
        return self.versions / f"{version:04d}"

    @contextmanager
    def only_one(self) -> Iterator[None]:
        """Hold the store alone; another process that promotes or rolls back is waited for."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # The kernel lets go of the lock however the process ends.
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                sys.stderr.write(f"waiting for another promotion into {self.folder}\n")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def current_student(self) -> Path:
        """Folder of the promoted student, whole.

        Raises:
            UserError: none is promoted, or its files are not as they were promoted.
        """
        current = self.ledger().current
        if current is None:
            raise UserError(
                f"{self.folder}: no student is promoted yet; promote one: wsdkd promoted consider"
            )
        damage = self.damage(current)
        if damage is not None:
            raise UserError(f"{damage}; go back to a version that is whole: wsdkd promoted rollback")
        return self.path(current)

    def provenance(self, version: int) -> Provenance:
        """Where a version comes from.

        Raises:
            UserError: its provenance is missing or damaged.
        """
        return self._read(version, PROVENANCE, Provenance)

    def metrics(self, version: int) -> Decision:
        """The decision that promoted a version, as it was written.

        Raises:
            UserError: the file is missing or damaged.
        """
        return self._read(version, METRICS, Decision)

    def damage(self, version: int) -> str | None:
        """In words, how a version's files are not as they were promoted; None where they are."""
        try:
            if Weights.of(self.path(version)) == self.provenance(version).student:
                return None
        except UserError as error:
            return f"version {version}: {str(error).partition(';')[0]}"
        return f"version {version}: {self.path(version)}: its files are not those that were promoted"

    def add(self, student: Path, decision: Decision, provenance: Provenance) -> None:
        """Promote a student, while the store is held alone.

        Args:
            student: folder of it.
            decision: to promote it, as :meth:`next_version`.
            provenance: whose digests the copied files must have.

        Raises:
            UserError: the student is no longer the one that was measured.
        """
        ledger = self.ledger()
        version = self.next_version()
        assert decision.version == version  # noqa: S101, the store is held
        self._sweep(ledger)
        with publish_folder(self.path(version)) as aside:
            for name in (WEIGHTS, DESCRIPTION):
                shutil.copyfile(student / name, aside / name)
            if Weights.of(aside) != provenance.student:
                raise UserError(f"{student}: changed while it was considered; run the command again")
            write_report(aside / METRICS, decision.model_dump(mode="json"))
            text = json.dumps(provenance.model_dump(mode="json"), indent=1, ensure_ascii=False)
            (aside / PROVENANCE).write_text(text + "\n", encoding="utf-8")
        event = Event(event="promoted", version=version, previous=ledger.current, time=provenance.time)
        write_ledger(self.folder, ledger.then(event))

    def next_version(self) -> int:
        """The number that the next promoted student gets."""
        return max(self.ledger().versions, default=0) + 1

    def roll_back(self, version: int | None = None) -> tuple[int, int]:
        """Promote an earlier version again; by default the one that the current one replaced.

        Returns:
            The version promoted until now, and the one promoted from now on.

        Raises:
            UserError: there is no such version, or it is damaged.
        """
        if not self.ledger().events:
            raise UserError(f"{self.folder}: no student is promoted yet, so there is nothing to go back to")
        with self.only_one():
            ledger = self.ledger()
            current = ledger.current
            assert current is not None  # noqa: S101, an event made one
            target = ledger.replaced() if version is None else version
            if target is None:
                raise UserError(f"version {current} is promoted and replaced none; name a version to go to")
            self.check_version(target, ledger)
            if target == current:
                raise UserError(f"version {target} is the promoted one already")
            damage = self.damage(target)
            if damage is not None:
                raise UserError(f"{damage}; name another version (wsdkd promoted list)")
            event = Event(event="rolled back", version=target, previous=current, time=now())
            write_ledger(self.folder, ledger.then(event))
        return current, target

    def check_version(self, version: int, ledger: Ledger) -> None:
        """Refuse a version that was never promoted.

        Raises:
            UserError: names those that were.
        """
        if version not in ledger.versions:
            known = ", ".join(map(str, ledger.versions)) or "none"
            raise UserError(f"{self.folder}: no version {version}; promoted were: {known}")

    def _read(self, version: int, name: str, kind: type[File]) -> File:
        path = self.path(version) / name
        try:
            return kind.model_validate_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise UserError(f"{path}: no such file, though the version was promoted") from None
        except (ValidationError, UnicodeDecodeError):
            raise UserError(f"{path}: damaged, or written by another version of the program") from None

    def _sweep(self, ledger: Ledger) -> None:
        """Remove what killed promotions left."""
        named = {self.path(version).name for version in ledger.versions}
        for path in self.versions.iterdir() if self.versions.is_dir() else ():
            if path.name not in named:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
