"""dvc.lock as a killed DVC leaves it: it empties the file before it writes it anew."""

import subprocess
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from flows.project import LOCK_FILE, ROOT


def mend_lock_file(root: Path = ROOT) -> list[str]:
    """Put the last commit's dvc.lock in the place of half a one; without a commit, remove it.

    DVC refuses to start with half a file. What has been run since the commit is in DVC's run cache, from
    which the next run has it back without computing. Call it with the project's lock held.

    Returns:
        What was done, in words.
    """
    path = root / LOCK_FILE
    if not path.is_file() or _is_whole(path):
        return []
    committed = subprocess.run(  # noqa: S603
        ["git", "show", f"HEAD:./{LOCK_FILE}"],  # noqa: S607
        cwd=root,
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    told = f"{LOCK_FILE}: half written by a DVC that was killed"
    if committed.returncode:
        path.unlink()
        return [f"{told}; removed"]
    path.write_bytes(committed.stdout)  # killed in the midst, the next flow mends it
    return [f"{told}; that of the last commit takes its place"]


def _is_whole(path: Path) -> bool:
    try:
        content = YAML(typ="safe").load(path)
        return "schema" in content and all(isinstance(each, dict) for each in content["stages"].values())
    except (YAMLError, ValueError, TypeError, KeyError, AttributeError):
        return False
