"""Encoder, dynamics and decoder: a world model is anything callable as ``z_next = model(z, a)``."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helm_tutorial._check import require_count


class WorldModel(nn.Module):
    """A latent world model over one-hot observations and discrete actions.

    The dynamics are linear in the action: the network gives one residual for each of the ``A``
    actions, and a point ``a`` of the action simplex mixes them,

        f(z, a) = z + sum_k a_k r_k(z).

    So a relaxed action is exactly the mixture of what the pure actions do, and the gradient with
    respect to ``a`` compares the actions' true effects, wherever in the simplex it is taken.

    On the ``sphere``, latents and predictions are normalised to length 1: there, cosine similarity
    (which InfoNCE trains) and Euclidean distance (which the planner descends) order pairs alike,
    because ``|z - w|^2 = 2 - 2 z.w``.

    With ``goal_encoder`` a second network says where a state lies *as a goal*. The way from one state to
    another need not be as long as the way back, but the distance of two latents of one encoder is the same
    both ways; that from a latent to a goal latent of another need not be.

    Shapes: observations ``(..., F)``, or ``(..., 3, height, width)`` for pictures, latents ``(..., D)``,
    actions ``(..., A)`` on the simplex.

    Attributes:
        options: what it was built with, all but the generator: ``WorldModel(**options)`` has the same networks.
    """

    def __init__(
        self,
        features: int | Sequence[int],
        actions: int,
        *,
        latent: int = 32,
        hidden: int = 256,
        sphere: bool = False,
        decoder: bool = False,
        goal_encoder: bool = False,
        rescale: bool = False,
        tangent: bool = False,
        generator: torch.Generator | None = None,
    ):
        """Build the networks.

        Args:
            features: size ``F`` of an observation, or the shape ``(3, height, width)`` of a picture.
            actions: number ``A`` of discrete actions.
            latent: size ``D`` of a latent.
            hidden: width of the hidden layers.
            sphere: normalise latents to length 1.
            decoder: add a network from latents back to observations.
            goal_encoder: encode goals by a network of their own, see :meth:`encode_goal`.
            rescale: the dynamics see latents times ``sqrt(D)``: coordinates of a latent of length 1 are about
                ``D^-1/2``, and a network learns faster from inputs of about 1.
            tangent: only the part of the mixed residual that is tangent to the sphere at ``z`` moves it; then
                ``|z + r| >= 1``, and normalising never stretches.
            generator: source of the initial weights; ``None`` leaves torch's default ones.

        Raises:
            TypeError: a size is not an integer.
            ValueError: a size is below 1, a picture has not three colours or is smaller than a cell, pictures
                should be decoded, or dynamics be tangent where there is no sphere.
        """
        super().__init__()
        for name, value in {"actions": actions, "latent": latent, "hidden": hidden}.items():
            require_count(name, value)
        if decoder and isinstance(features, Sequence):
            raise ValueError(f"decoder must be False for pictures, which are only encoded, got features {features}")
        if tangent and not sphere:
            raise ValueError("tangent must be False where sphere is, got True: only a sphere has tangent spaces here")
        self.options = {
            "features": tuple(features) if isinstance(features, Sequence) else features,
            "actions": actions,
            "latent": latent,
            "hidden": hidden,
            "sphere": sphere,
            "decoder": decoder,
            "goal_encoder": goal_encoder,
            "rescale": rescale,
            "tangent": tangent,
        }
        self.actions, self.latent, self.sphere, self.tangent = actions, latent, sphere, tangent
        self.inputs = latent**0.5 if rescale else 1.0
        self.encoder = encoder_network(features, hidden, latent)
        self.residuals = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, actions * latent))
        self.decoder = encoder_network(latent, hidden, features) if decoder else None
        self.goal_encoder = encoder_network(features, hidden, latent) if goal_encoder else None
        self.register_buffer("shift", torch.zeros(latent))
        self.register_buffer("scale", torch.ones(latent))
        if generator is not None:
            initialise(self, generator)

    def encode(self, observations: Tensor) -> Tensor:
        """Observations ``(..., F)`` to latents ``(..., D)``."""
        z = (self.encoder(observations) - self.shift) / self.scale
        return F.normalize(z, dim=-1) if self.sphere else z

    def encode_goal(self, observations: Tensor) -> Tensor:
        """Observations as goals, ``(..., D)``: by the goal encoder, or as :meth:`encode` where there is none."""
        if self.goal_encoder is None:
            return self.encode(observations)
        y = self.goal_encoder(observations)
        return F.normalize(y, dim=-1) if self.sphere else y

    def forward(self, z: Tensor, a: Tensor) -> Tensor:
        """The next latent ``(..., D)`` after action ``a`` ``(..., A)`` in latent ``z`` ``(..., D)``."""
        return self._moved(z, (a.unsqueeze(-2) @ self._residuals(z)).squeeze(-2))

    def successors(self, z: Tensor) -> Tensor:
        """The next latents ``(..., A, D)`` after each pure action in latent ``z`` ``(..., D)``, all for one pass."""
        return self._moved(z.unsqueeze(-2), self._residuals(z))

    def _residuals(self, z: Tensor) -> Tensor:
        return self.residuals(z if self.inputs == 1.0 else z * self.inputs).unflatten(-1, (self.actions, self.latent))

    def _moved(self, z: Tensor, residual: Tensor) -> Tensor:
        if self.tangent:
            residual = residual - (residual * z).sum(dim=-1, keepdim=True) * z
        z_next = z + residual
        return F.normalize(z_next, dim=-1) if self.sphere else z_next

    def decode(self, z: Tensor) -> Tensor:
        """Latents ``(..., D)`` back to observations ``(..., F)``.

        Raises:
            RuntimeError: the model was built without a decoder.
        """
        if self.decoder is None:
            raise RuntimeError("this world model has no decoder; build it with decoder=True")
        return self.decoder(z * self.scale + self.shift)

    @torch.no_grad()
    def standardise(self, observations: Tensor, rows: Tensor | None = None) -> None:
        """Shift and scale latents: over ``observations`` ``(N, F)`` each coordinate has mean 0 and deviation 1.

        ``rows``, shape ``(B,)``, says which of them, each as often as it is there; by default all, once.

        Raises:
            RuntimeError: goals have an encoder of their own, whose latents would stay where they are.
        """
        if self.goal_encoder is not None:
            raise RuntimeError("latents cannot be standardised apart from goals; build with goal_encoder=False")
        z = self.encoder(observations)
        z = z if rows is None else z[rows]
        self.shift.copy_(z.mean(dim=0))
        self.scale.copy_(z.std(dim=0).clamp_min(1e-6))


class PictureEncoder(nn.Module):
    """A small convolutional network over pictures, ``(..., 3, height, width)`` to ``(..., outputs)``.

    One convolution of the size of a cell looks at each cell by itself, as a cell's category would tell it. Of what
    it finds, the head is told the most in each row and in each column, so that what it learns of one cell holds for
    its whole row and column, see :class:`helm_tutorial.worlds.observation.View`. The most, not the sum or the mean:
    where one cell of a row stands out, it is as large however long the row is, while a sum would grow and a mean fade.
    """

    def __init__(self, shape: Sequence[int], hidden: int, outputs: int, *, channels: int = 16, cell: int = 8):
        """Build the networks.

        Args:
            shape: of a picture, ``(3, height, width)``; a rest that makes no whole cell is not seen.
            hidden: width of the head's hidden layer.
            outputs: how many numbers come out.
            channels: how many things are looked for in a cell.
            cell: a cell's side in pixels, :data:`helm_tutorial.worlds.gridworld.TILE`.

        Raises:
            TypeError: a size is not an integer.
            ValueError: a picture is smaller than a cell.
        """
        super().__init__()
        _, height, width = shape
        for name, value in {"height": height, "width": width}.items():
            require_count(f"{name} of a picture in features", value, low=cell)
        self.seen = nn.Sequential(nn.Conv2d(3, channels, cell, stride=cell), nn.ReLU())
        lines = height // cell + width // cell
        self.head = nn.Sequential(nn.Linear(channels * lines, hidden), nn.ReLU(), nn.Linear(hidden, outputs))

    def forward(self, pictures: Tensor) -> Tensor:
        seen = self.seen(pictures.reshape(-1, *pictures.shape[-3:]))
        most = torch.cat([seen.amax(dim=-1), seen.amax(dim=-2)], dim=-1)  # of each row, of each column
        outputs = self.head(most.flatten(start_dim=1))
        return outputs.reshape(*pictures.shape[:-3], outputs.shape[-1])


def encoder_network(features: int | Sequence[int], hidden: int, outputs: int) -> nn.Module:
    """From ``features`` inputs, or from pictures of that shape, to ``outputs`` numbers.

    Raises:
        TypeError: a size is not an integer.
        ValueError: a size is below 1, or a picture has not three colours or is smaller than a cell.
    """
    if not isinstance(features, Sequence):
        require_count("features", features)
        return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
    if len(features) != 3 or features[0] != 3:
        raise ValueError(f"features must be a number or a shape (3, height, width), got {tuple(features)}")
    return PictureEncoder(features, hidden, outputs)


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of every layer from ``generator``: uniform in +-1/sqrt(fan-in), torch's own default."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            bound = layer.weight[0].numel() ** -0.5
            with torch.no_grad():
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-bound, bound, generator=generator)


def one_hot_actions(actions: Tensor, count: int) -> Tensor:
    """Action indices ``(...)`` as corners of the simplex, ``(..., A)`` floats."""
    return F.one_hot(actions, count).float()
