"""How a stage starts and ends: alone, and with a message where no traceback is of use."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import Literal

from stages.lock import hold
from wsdkd.ground.errors import UserError

INTERRUPTED = 130
"""Exit status after Ctrl-C, as of a shell: 128 and the number of the signal."""


def run(main: Callable[[], None], stage: str, goes_on: Literal["epoch", "shard"] | None = None) -> None:
    """Call ``main`` and end the process with status 1 after ``error: ...`` for a :class:`UserError`.

    A file that the operating system refuses (missing, not readable, disk full) is the user's to put
    right too, as long as it has a name. Everything else is a defect and keeps its traceback.

    Args:
        main: the stage.
        stage: its name; no two processes run it in one working copy.
        goes_on: what an interrupted run of it keeps for the next one, if anything.
    """
    try:
        # Of several processes the launcher holds the lock; torchrun sets the variable for the others.
        if "WORLD_SIZE" not in os.environ:
            hold(stage)
        main()
    except UserError as error:
        _fail(str(error))
    except OSError as error:
        if error.filename is None:
            raise
        _fail(f"{error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        onward = f"goes on after the last finished {goes_on}" if goes_on else "starts it anew"
        _end(f"interrupted: stage {stage}; the next run {onward}", INTERRUPTED)


def _fail(message: str) -> None:
    _end(f"error: {message}", 1)


def _end(line: str, status: int) -> None:
    # A bar over which the caller looped lives in its frames, and would be drawn once more after the line.
    traceback.clear_frames(sys.exc_info()[2])
    sys.stdout.flush()
    sys.stderr.write(f"{line}\n")
    sys.exit(status)
