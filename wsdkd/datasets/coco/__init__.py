"""COCO's JSON, as it was published and as annotation tools write it."""
