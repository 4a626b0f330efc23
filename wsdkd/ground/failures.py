"""How a command or a stage tells that it failed: in one line, unless the program itself is at fault."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import cast

from wsdkd.ground.errors import UserError, causes, disk_full, first_line

DEBUG_VARIABLE = "WSDKD_DEBUG"
"""Set to anything, every failure shows its traceback; ``wsdkd --debug`` sets it."""

FORMATS = {
    "PIL": "not a picture that can be read",
    "h5py": "not an HDF5 file that can be read",
    "json": "not JSON",
    "pyarrow": "not a Parquet table that can be read",
    "ruamel": "not YAML",
    "safetensors": "not a file of safetensors that can be read",
    "yaml": "not YAML",
    "zipfile": "not a ZIP archive that can be read",
}
"""What it means where one of these libraries fails: the file it was given is damaged, or of another kind."""

NO_MEMORY = (
    "can't allocate memory",  # torch, of a tensor
    "failed to map segment from shared object",  # the loader, of a library that a module needs
    "annot allocate memory",  # the operating system
    "cannot create resource: Resource temporarily",
)
"""What is said where there is no memory, by exceptions that are no :class:`MemoryError`."""

NO_GPU_MEMORY = ("CUDA out of memory", "HIP out of memory", "CUDA error: out of memory")
"""The same of a GPU's memory. A training says by itself which of its parameters helps."""


def tell(error: Exception, *, traceback_of_defect: bool = True) -> None:
    """Write one line about ``error`` to standard error, and its traceback where that is of use.

    Args:
        error: what ended a command or a stage.
        traceback_of_defect: show the traceback of a defect of the program unasked, as a stage does, which
            may have run for hours; else the line says how to get it.
    """
    said = in_words(error)
    trace = "".join(traceback.format_exception(error))
    with suppress(OSError):
        sys.stdout.flush()
    end_bars(error)
    if os.environ.get(DEBUG_VARIABLE) or (said is None and traceback_of_defect):
        sys.stderr.write(trace)
    sys.stderr.write(f"error: {_defect(error) if said is None else said}\n")


def tell_uncaught() -> None:
    """Let :func:`tell` tell of what nobody catches: of modules that cannot be loaded."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, Exception):
            tell(error)
        elif isinstance(error, KeyboardInterrupt):
            sys.stderr.write("interrupted\n")
        else:
            sys.__excepthook__(kind, error, trace)

    sys.excepthook = hook


def end_bars(error: BaseException) -> None:
    """End the progress bars over which somebody looped when ``error`` came.

    A bar lives in the frames of the loop, and would be drawn once more after the line that tells the error.
    The loop may be that of an error which was put into other words on its way.
    """
    for one in causes(error):
        traceback.clear_frames(one.__traceback__)


def in_words(error: BaseException) -> str | None:
    """What is wrong outside of the program, in a line; None where ``error`` is a defect of the program.

    Outside are what the operating system refuses, memory, and files that a library cannot read.
    """
    if isinstance(error, UserError):
        return str(error)
    # Of a file that could not be renamed the new name is the one that was asked for.
    named = (error.filename2 or error.filename) if isinstance(error, OSError) else None
    full = disk_full(error, Path.cwd() if named is None else Path(_path(named)))
    if full is not None:
        return str(full)
    lines = str(error).splitlines()
    card = [line.strip() for line in lines if any(text in line for text in NO_GPU_MEMORY)]
    if card:
        return (
            f"the GPU's memory is too small ({card[0]}); lower the batch (cache.batch_size, or --batch-size "
            "of predict and serve) or the size of the input; docs/gpu.md says what helps in each stage"
        )
    want = [line.strip() for line in lines if any(text in line for text in NO_MEMORY)]
    if isinstance(error, MemoryError) or want:
        return _out_of_memory(want[0] if want else first_line(error) if lines else "")
    if isinstance(error, OSError) and named is not None:
        return f"{_path(named)}: {error.strerror or first_line(error)}"
    if isinstance(error, UnicodeDecodeError):
        return f"not {error.encoding.upper()} (byte {error.start}: {error.reason})"
    if isinstance(error, UnicodeEncodeError):
        letter = error.object[error.start]
        return f"{letter!r} cannot be written in the encoding {error.encoding}; set PYTHONUTF8=1"
    library = _library(error)
    if library is not None:
        return f"{FORMATS[library]} ({first_line(error)})"
    return first_line(error) if isinstance(error, OSError) else None


@contextmanager
def naming(path: Path, remedy: str = "") -> Iterator[None]:
    """Within, ``path`` is read: a failure of it that is no defect, and names no file yet, names this one.

    Args:
        path: the file.
        remedy: how to get one that is whole, for the end of the message.

    Raises:
        UserError: names ``path`` and what is wrong with it.
    """
    try:
        yield
    except Exception as error:
        named = isinstance(error, UserError) or (isinstance(error, OSError) and error.filename is not None)
        said = None if named else in_words(error)
        if said is None:
            raise
        raise UserError(f"{path}: {said}{f'; {remedy}' if remedy else ''}") from error


def _library(error: BaseException) -> str | None:
    """Which of :data:`FORMATS` raised ``error``, by its class or by the frame that it comes from."""
    own = type(error).__module__.partition(".")[0]
    if own in FORMATS:
        return own
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    # Parsers end a damaged file with all kinds of errors, RecursionError among them.
    innermost = "" if frame is None else _package(frame)
    return innermost if innermost in FORMATS else None


def _package(frame: TracebackType) -> str:
    return cast("str", frame.tb_frame.f_globals.get("__name__", "")).partition(".")[0]


def _out_of_memory(said: str) -> str:
    limits = _limits()
    what = f" ({said})" if said else ""
    if limits:
        return f"there is not enough memory{what}; {' and '.join(limits)} limits this process: raise it"
    return f"there is not enough memory{what}; give it more, or smaller batches"


def _limits() -> list[str]:
    """Limits of memory that the shell has set for this process, as its command ``ulimit`` shows them."""
    try:
        import resource
    except ImportError:  # Windows has none
        return []
    kinds = {"-v": resource.RLIMIT_AS, "-d": resource.RLIMIT_DATA}
    found = {option: resource.getrlimit(kind)[0] for option, kind in kinds.items()}
    return [
        f"`ulimit {name}` of {size:,} bytes" for name, size in found.items() if size != resource.RLIM_INFINITY
    ]


def _defect(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    how = "" if os.environ.get(DEBUG_VARIABLE) else f"; {DEBUG_VARIABLE}=1 shows where it comes from"
    said = f"{type(error).__name__}: {first_line(error)}".rstrip(": ")
    return f"{said}{where}: a defect of wsdkd{how}; please report it"


def _path(name: str | bytes | int) -> str:
    return os.fsencode(name).decode("utf-8", "replace") if isinstance(name, str | bytes) else str(name)
