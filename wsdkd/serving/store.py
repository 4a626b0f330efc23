"""The folder of promoted students: versions that never change, and the ledger that names the current one.

::

    promoted.json           the ledger; a version that it does not name does not exist
    versions/0001/          model.safetensors, model.json, metrics.json, provenance.json
    decisions.json          what was refused, so that it need not be measured again
    unfinished              number of the version that is being written, or was when its writer was killed
    lock                    held while a student is considered

A version's folder is complete before the ledger names it, and the ledger is replaced at once, so that a
promotion killed at any moment leaves the old student promoted. Nothing is ever deleted but the folder of
the version that ``unfinished`` names.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from wsdkd.evaluation.files import rounded, write_report
from wsdkd.ground.errors import UserError
from wsdkd.ground.failures import naming
from wsdkd.ground.files import publish_file, publish_folder, sweep
from wsdkd.ground.reading import read_json
from wsdkd.ground.sealed import DIGEST, sealed, unsealed
from wsdkd.networks.description import DESCRIPTION, WEIGHTS
from wsdkd.serving.decision import Decision
from wsdkd.serving.ledger import LEDGER, REBUILD, Event, Ledger, Rebuilt, read_ledger, rebuilt, write_ledger
from wsdkd.serving.provenance import Provenance, StudentDigests, now

METRICS, PROVENANCE = "metrics.json", "provenance.json"
UNFINISHED, LOCK = "unfinished", "lock"

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
        """Which version is promoted; an empty ledger where nothing ever was.

        Raises:
            UserError: the ledger is damaged, or missing beside versions.
        """
        ledger = read_ledger(self.folder)
        if ledger is None and self._on_disk():
            found = ", ".join(map(str, self._on_disk()))
            raise UserError(
                f"{self.folder / LEDGER}: this file is missing, though versions {found} are there; {REBUILD}"
            )
        return ledger or Ledger()

    def path(self, version: int) -> Path:
        """Folder of a version."""
        return self.versions / f"{version:04d}"

    @contextmanager
    def only_one(self) -> Iterator[None]:
        """Hold the store alone; another process that promotes or rolls back is waited for.

        Raises:
            UserError: the file system has no locks.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        # The kernel lets go of the lock however the process ends, which a mere file would not.
        lock = FileLock(self.folder / LOCK, fallback_to_soft=False)
        with naming(self.folder / LOCK):
            try:
                lock.acquire(blocking=False)
            except Timeout:
                sys.stderr.write(f"waiting for another promotion into {self.folder}\n")
                lock.acquire()
        try:
            yield
        finally:
            lock.release()

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
            found, promoted = StudentDigests.of(self.path(version)), self.provenance(version).student
        except UserError as error:
            return f"version {version}: {str(error).partition(';')[0]}"
        for name, here, then in (
            (WEIGHTS, found.weights, promoted.weights),
            (DESCRIPTION, found.description, promoted.description),
        ):
            if here != then:
                return f"version {version}: {self.path(version) / name}: not the file that was promoted"
        return None

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
        self._sweep()
        if not (self.folder / LEDGER).exists():
            # So that versions without a ledger are never the first promotion's, killed, but a lost ledger's.
            write_ledger(self.folder, ledger)
        with publish_file(self.folder / UNFINISHED) as aside:
            aside.write_text(f"{version}\n", encoding="utf-8")
        with publish_folder(self.path(version)) as aside:
            for name in (WEIGHTS, DESCRIPTION):
                shutil.copyfile(student / name, aside / name)
            if StudentDigests.of(aside) != provenance.student:
                raise UserError(f"{student}: changed while it was considered; run the command again")
            write_report(aside / METRICS, sealed(rounded(decision.model_dump(mode="json"))))
            text = json.dumps(sealed(provenance.model_dump(mode="json")), indent=1, ensure_ascii=False)
            (aside / PROVENANCE).write_text(text + "\n", encoding="utf-8")
        event = Event(event="promoted", version=version, previous=ledger.current, time=provenance.time)
        write_ledger(self.folder, ledger.then(event))
        (self.folder / UNFINISHED).unlink()

    def next_version(self) -> int:
        """The number that the next promoted student gets: one that nothing on disk has."""
        return max((*self.ledger().versions, *self._on_disk()), default=0) + 1

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

    def rebuild(self, use: int | None = None) -> Rebuilt:
        """Make a lost or damaged ledger anew from the versions' own provenance.

        Args:
            use: the version in use from then on; by default the last one that is whole, as nothing says any
                more what was rolled back.

        Raises:
            UserError: the ledger is whole, or no version to be used is.
        """
        if not self._on_disk():
            raise UserError(
                f"{self.versions}: there is no version, so there is nothing to build a ledger from"
            )
        with self.only_one():
            damaged = self._unreadable_ledger()
            reasons = {version: self.damage(version) for version in self._on_disk()}
            left_out = [reason for reason in reasons.values() if reason is not None]
            whole = [version for version, reason in reasons.items() if reason is None]
            if not whole:
                raise UserError(f"{self.versions}: no version is whole: {'; '.join(left_out)}")
            if use is not None and use not in whole:
                known = ", ".join(map(str, whole))
                raise UserError(f"{reasons.get(use) or f'there is no version {use}'}; whole are: {known}")
            times = [(version, self.provenance(version).time) for version in whole]
            ledger = rebuilt(times, whole[-1] if use is None else use, now())
            if damaged is not None:
                (self.folder / LEDGER).rename(damaged)
            write_ledger(self.folder, ledger)
        return Rebuilt(ledger, left_out, damaged)

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
        data, as_written = unsealed(read_json(path, "the version was promoted, so it was there"))
        if as_written is False:
            raise UserError(f"{path}: {DIGEST}: not that of what the file holds: edited, or damaged")
        try:
            return kind.model_validate_json(json.dumps(data))
        except ValidationError:
            raise UserError(f"{path}: damaged, or written by another version of the program") from None

    def _on_disk(self) -> list[int]:
        """Numbers of the versions in the folder, ascending, but for an unfinished one."""
        names = [each.name for each in self.versions.iterdir()] if self.versions.is_dir() else []
        numbers = {int(name) for name in names if name.isdecimal() and name == f"{int(name):04d}"}
        return sorted(numbers - {self._unfinished()})

    def _unfinished(self) -> int | None:
        """The version that a killed promotion left without its entry in the ledger, if there is one."""
        path = self.folder / UNFINISHED
        text = path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""
        if not text.isdecimal():
            return None
        version, folder = int(text), self.path(int(text))
        try:
            ledger = read_ledger(self.folder)
        except UserError:
            ledger = None
        if ledger is None or version in ledger.versions:
            return None  # it was finished, or nothing says that it was not
        written = {WEIGHTS, DESCRIPTION, METRICS, PROVENANCE}
        if folder.is_symlink() or (
            folder.is_dir() and not {each.name for each in folder.iterdir()} <= written
        ):
            return None  # somebody has put something of their own there
        return version

    def _sweep(self) -> None:
        """Remove what a killed promotion left."""
        version = self._unfinished()
        if version is not None:
            sweep(self.path(version))
            if self.path(version).is_dir():
                shutil.rmtree(self.path(version))

    def _unreadable_ledger(self) -> Path | None:
        """A free name for the ledger that is there and cannot be read; None where there is none at all."""
        try:
            if read_ledger(self.folder) is None:
                return None
        except UserError:
            names = (self.folder / f"{LEDGER}.damaged-{number}" for number in range(1, 1000))
            return next(name for name in names if not name.exists())
        raise UserError(f"{self.folder / LEDGER}: this ledger is whole: nothing is to be built anew")
