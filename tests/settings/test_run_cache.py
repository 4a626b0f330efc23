"""DVC's run cache must tell any two values of any parameter apart.

It restores the outputs of an earlier run whose key is equal, and leaves entries called ``size`` and
``nfiles`` out of that key, wherever they stand: those of its own files, and parameters of that name too.
"""

from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from dvc.stage.cache import _get_cache_hash
from ruamel.yaml import YAML

PROFILES = sorted((Path(__file__).parents[2] / "profiles").glob("*.yaml"))


def _names(section: dict[str, Any], before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in section.items():
        if isinstance(value, dict):
            yield from _names(value, (*before, key))
        else:
            yield (*before, key)


def _key(params: dict[str, Any]) -> str:
    lock = {"cmd": "python -m stages.some", "deps": [], "params": {"params.yaml": params}, "outs": []}
    key: str = _get_cache_hash(deepcopy(lock), key=True)
    return key


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.stem)
def test_every_parameter_is_part_of_the_key(profile: Path) -> None:
    params = YAML(typ="safe", pure=True).load(profile.read_text(encoding="utf-8"))
    names = list(_names(params))
    assert len(names) > 50
    for name in names:
        changed = deepcopy(params)
        section = changed
        for step in name[:-1]:
            section = section[step]
        section[name[-1]] = "another"
        assert _key(changed) != _key(params), ".".join(name)
