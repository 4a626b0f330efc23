"""The named parts of a cache's fingerprint, and how two fingerprints differ."""

from collections.abc import Iterable, Mapping

PARTS = {
    "schema": "the layout of the cache",
    "classes": "the classes",
    "teacher_weights": "the teacher's weights",
    "teacher_forward": "the teacher's network, input size or RoI settings",
    "cache": "the parameters of section cache",
    "code": "the code of the teacher's forward pass or of the choice of RoIs",
    "software": "the versions of the libraries that compute",
    "images": "the images",
    "labels": "the labels, by which RoIs are chosen",
    "proposals": "the proposals",
}
"""The named parts of a fingerprint, in the order in which differences are told."""


def differences(found: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    """Names of the parts of ``expected`` that ``found`` does not have alike, in the order of PARTS."""
    names = [name for name in PARTS if name in expected]
    return [name for name in names if found.get(name) != expected[name]]


def describe(names: Iterable[str]) -> str:
    """Differing parts in words."""
    return ", ".join(f"{PARTS[name]} ({name})" for name in names)
