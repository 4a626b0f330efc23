"""Stage ``propose``: candidate boxes for every prepared image, under data/proposals."""

from typing import cast

from stages.run import run
from wsdkd import project
from wsdkd.data.photographs import photographs_folder
from wsdkd.data.tables import read_images
from wsdkd.proposals.params import ProposalsParams
from wsdkd.proposals.propose import propose
from wsdkd.proposals.stored import write_proposals
from wsdkd.settings.sections import load_section


def main() -> None:
    """Search all images, whatever their split, and write Parquet shards."""
    params = cast("ProposalsParams", load_section("proposals", ProposalsParams))
    root = photographs_folder(project.IMAGES)
    write_proposals(project.PROPOSALS, propose(read_images(project.IMAGES), root, params))


if __name__ == "__main__":
    run(main, "propose")
