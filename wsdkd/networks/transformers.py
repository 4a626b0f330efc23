"""Plain transformers (ViT, DeiT, DINOv2, DINOv3) as a backbone: the embedding of patches, then each block.

Between stages goes one map (B, C, h, w) with rows for class and register tokens above it, so that what a
frozen stage gives is a tensor as of any other network. :attr:`Backbone.as_map` takes those rows off.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F


class PatchEmbedding(nn.Module):
    """Patches as tokens, with their places and the tokens that stand before them; of pictures of any size.

    A side that is no multiple of a patch is padded on its far end with the mean picture, so that a cell
    of the map stays a patch wide.

    Args:
        model: of timm, with ``dynamic_img_size``, without its blocks.
        patch: side of a patch, in pixels.
    """

    def __init__(self, model: Any, patch: int):
        super().__init__()
        self.model, self.patch = model, patch

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Normalised images (B, 3, H, W) -> tokens as a map."""
        height, width = images.shape[2:]
        images = F.pad(images, (0, -width % self.patch, 0, -height % self.patch))
        rows, columns = images.shape[2] // self.patch, images.shape[3] // self.patch
        embedded = self.model._pos_embed(self.model.patch_embed(images))
        # Of a model with rotary embeddings these come along; each block makes its own.
        tokens = embedded[0] if isinstance(embedded, tuple) else embedded
        return pack(self.model.norm_pre(tokens), rows, columns)


class TransformerStage(nn.Module):
    """One block.

    Args:
        block: of timm.
        prefix: class and register tokens.
        rope: makes rotary embeddings for a grid; None: the block takes none. It belongs to the first stage.
        norm: after the last block.
    """

    def __init__(self, block: nn.Module, prefix: int, rope: Any = None, norm: nn.Module | None = None):
        super().__init__()
        self.block, self.prefix, self.norm = block, prefix, norm or nn.Identity()
        self._rope = (rope,)  # in a tuple, so that it is no module of this stage

    def forward(self, packed: torch.Tensor) -> torch.Tensor:
        """Tokens as a map -> the same."""
        rows, columns = packed.shape[2] - prefix_rows(self.prefix, packed.shape[3]), packed.shape[3]
        tokens = unpack(packed, self.prefix)
        (rope,) = self._rope
        if rope is None:
            tokens = self.block(tokens)
        else:
            tokens = self.block(tokens, rope=rope.get_embed(shape=(rows, columns)))
        return pack(self.norm(tokens), rows, columns)


class MapOfPatches(nn.Module):
    """Takes the rows of class and register tokens off.

    Args:
        prefix: how many such tokens there are.
    """

    def __init__(self, prefix: int):
        super().__init__()
        self.prefix = prefix

    def forward(self, packed: torch.Tensor) -> torch.Tensor:
        """Tokens as a map -> the map of the patches alone, (B, C, h, w)."""
        return packed[:, :, prefix_rows(self.prefix, packed.shape[3]) :]


def prefix_rows(prefix: int, columns: int) -> int:
    """Rows of a map that ``prefix`` tokens take."""
    return -(-prefix // columns)


def pack(tokens: torch.Tensor, rows: int, columns: int) -> torch.Tensor:
    """Tokens (B, P + rows * columns, C) -> (B, C, rows of P tokens + rows, columns), zeros between both."""
    prefix = tokens.shape[1] - rows * columns
    missing = prefix_rows(prefix, columns) * columns - prefix
    # Not len(), which an exported file would take for a constant.
    empty = tokens.new_zeros(tokens.shape[0], missing, tokens.shape[2])
    filled = torch.cat([tokens[:, :prefix], empty], dim=1)
    grid = torch.cat([filled, tokens[:, prefix:]], dim=1)
    return grid.transpose(1, 2).reshape(grid.shape[0], grid.shape[2], -1, columns)


def unpack(packed: torch.Tensor, prefix: int) -> torch.Tensor:
    """The tokens that :func:`pack` put into a map: (B, C, ., columns) -> (B, P + rows * columns, C)."""
    tokens = packed.flatten(2).transpose(1, 2)
    patches = prefix_rows(prefix, packed.shape[3]) * packed.shape[3]
    return torch.cat([tokens[:, :prefix], tokens[:, patches:]], dim=1)


def transformer_stages(model: Any, patch: int) -> tuple[list[nn.Module], nn.Module]:
    """The stages of a plain transformer of timm, which is taken apart; and what makes a map of their output.

    Args:
        model: a ``VisionTransformer`` or ``Eva`` with its weights.
        patch: side of a patch, in pixels.
    """
    blocks, prefix = list(model.blocks), int(model.num_prefix_tokens)
    rope = getattr(model, "rope", None)
    norm, model.norm, model.blocks = model.norm, nn.Identity(), nn.Sequential()
    model.reset_classifier(0, "")
    last = len(blocks) - 1
    stages: list[nn.Module] = [PatchEmbedding(model, patch)]
    for place, block in enumerate(blocks):
        stages.append(TransformerStage(block, prefix, rope, norm if place == last else None))
    return stages, MapOfPatches(prefix)
