"""``promoted.json``: which version is promoted, and all that happened before. The only truth of it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from wsdkd.ground.errors import UserError
from wsdkd.ground.files import publish_file
from wsdkd.ground.reading import read_json
from wsdkd.ground.sealed import DIGEST, sealed, unsealed

LEDGER = "promoted.json"
REBUILD = "bring it back, or build it anew from the versions beside it: wsdkd promoted rebuild"


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


class Rebuilt(NamedTuple):
    """What a ledger was made anew from."""

    ledger: Ledger
    left_out: list[str]
    """For each version that could not be taken in, the reason."""
    damaged: Path | None
    """Where the ledger lies that was there before and could not be read."""


def rebuilt(versions: Iterable[tuple[int, str]], current: int, time: str) -> Ledger:
    """A ledger of versions whose own is lost, each taken to have replaced the one before it.

    What is not known any more is which of them was rolled back.

    Args:
        versions: each with the time of its promotion, ascending.
        current: the one in use from now on.
        time: now.
    """
    ledger = Ledger()
    for version, promoted in versions:
        ledger = ledger.then(Event(event="promoted", version=version, previous=ledger.current, time=promoted))
    if current != ledger.current:
        ledger = ledger.then(Event(event="rolled back", version=current, previous=ledger.current, time=time))
    return ledger


def read_ledger(folder: Path) -> Ledger | None:
    """Read the ledger below ``folder``; None where there is none.

    Raises:
        UserError: the file is damaged, or was written by another version.
    """
    path = folder / LEDGER
    if not path.exists():
        return None
    data, as_written = unsealed(read_json(path, REBUILD))
    if as_written is False:
        raise UserError(f"{path}: {DIGEST}: not that of what the file holds: edited, or damaged; {REBUILD}")
    try:
        return Ledger.model_validate_json(json.dumps(data))
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        reason = f"{'.'.join(map(str, found['loc']))}: {found['msg']}".lstrip(": ")
    raise UserError(f"{path}: damaged, or of another version ({reason}); {REBUILD}")


def write_ledger(folder: Path, ledger: Ledger) -> None:
    """Put ``ledger`` in place of the one below ``folder``, at once."""
    with publish_file(folder / LEDGER) as aside:
        aside.write_text(
            json.dumps(sealed(ledger.model_dump(mode="json")), indent=1) + "\n", encoding="utf-8"
        )
