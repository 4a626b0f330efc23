"""What a GPU makes of the pipeline: speeds as ratios in one run on the card, and whether it is right."""
