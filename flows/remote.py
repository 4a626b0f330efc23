"""Whether the project has a remote to share by."""

from dvc.config import Config

from flows.project import ROOT


def default_remote() -> str | None:
    """Name of DVC's default remote, or None where there is none."""
    name = Config(str(ROOT / ".dvc"))["core"].get("remote")
    return str(name) if name else None
