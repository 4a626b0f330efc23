"""Stage ``propose``: candidate boxes for every prepared image, under data/proposals."""

from typing import cast

from stages import paths
from stages.run import run
from wsdkd.params.base import load_section
from wsdkd.params.proposals import ProposalsParams
from wsdkd.params.root import dataset_root
from wsdkd.proposals.propose import propose
from wsdkd.proposals.shards import write_proposals
from wsdkd.tables.images import read_images


def main() -> None:
    """Search all images, whatever their split, and write Parquet shards."""
    params = cast("ProposalsParams", load_section("proposals", ProposalsParams))
    write_proposals(paths.PROPOSALS, propose(read_images(paths.IMAGES), dataset_root(), params))


if __name__ == "__main__":
    run(main, "propose")
