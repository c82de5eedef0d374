"""An encoder of rendered images, to be passed to a world model."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from helm_tutorial._check import require_count
from helm_tutorial.models.settings import Settings
from helm_tutorial.worlds.gridworld import Gridworld


class PictureEncoder(nn.Module):
    """A small convolutional network over rendered images.

    It maps ``(..., 3, height, width)`` to ``(..., outputs)``. One convolution of the size of a cell looks at each cell
    separately, as a category would describe it. The head receives the maximum of each channel in each row and in each
    column. So what it learns of one cell holds for its whole row and column, see
    :class:`helm_tutorial.worlds.observation.View`. The maximum of a cell that stands out does not depend on the length
    of the row, whereas a sum would grow with it and a mean would fade.
    """

    def __init__(self, shape: Sequence[int], hidden: int, outputs: int, *, channels: int = 16, cell: int = 8):
        """Build the networks.

        Args:
            shape: shape of an image, ``(3, height, width)``; pixels beyond the last whole cell are ignored.
            hidden: width of the head's hidden layer.
            outputs: dimension of the output.
            channels: channels of the convolution.
            cell: side of a cell in pixels, :data:`helm_tutorial.worlds.gridworld.TILE`.
        """
        super().__init__()
        _, height, width = shape
        for name, value in {"height": height, "width": width}.items():
            require_count(f"{name} of a picture", value, low=cell)
        self.seen = nn.Sequential(nn.Conv2d(3, channels, cell, stride=cell), nn.ReLU())
        lines = height // cell + width // cell
        self.head = nn.Sequential(nn.Linear(channels * lines, hidden), nn.ReLU(), nn.Linear(hidden, outputs))

    @classmethod
    def of(cls, world: Gridworld, settings: Settings) -> PictureEncoder:
        """Build the encoder for a world that is observed as pixels."""
        return cls(world.features.shape[1:], settings.hidden, settings.latent)

    def forward(self, pictures: Tensor) -> Tensor:
        seen = self.seen(pictures.reshape(-1, *pictures.shape[-3:]))
        most = torch.cat([seen.amax(dim=-1), seen.amax(dim=-2)], dim=-1)  # maximum of each row, of each column
        outputs = self.head(most.flatten(start_dim=1))
        return outputs.reshape(*pictures.shape[:-3], outputs.shape[-1])
