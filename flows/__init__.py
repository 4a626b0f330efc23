"""Prefect flows that run DVC: they know nothing of torch, and import no stage."""

from flows.project import settle_prefect

settle_prefect()
