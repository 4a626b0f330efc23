"""Prefect flows that run DVC: they know nothing of torch, and import no stage."""

from flows import settings

settings.apply()
