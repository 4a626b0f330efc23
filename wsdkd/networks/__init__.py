"""Parts that teacher and student share: backbones, weights, pooling of regions, checkpoints."""
