"""All campaigns, in the order in which they are run."""

from benchmarks.faults.case import Campaign
from benchmarks.faults.kills import KILLS
from benchmarks.faults.long_run import LONG_RUN
from benchmarks.faults.mutations.campaign import MUTATIONS
from benchmarks.faults.resources import RESOURCES
from benchmarks.faults.two import TWO

CAMPAIGNS: tuple[Campaign, ...] = (MUTATIONS, KILLS, RESOURCES, TWO, LONG_RUN)
