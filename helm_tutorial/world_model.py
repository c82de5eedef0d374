"""Encoder, dynamics and decoder: a world model is anything callable as ``z_next = model(z, a)``."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helm_tutorial.validation import require_count


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

    Shapes: observations ``(..., F)``, latents ``(..., D)``, actions ``(..., A)`` on the simplex.
    """

    def __init__(
        self,
        features: int,
        actions: int,
        *,
        latent: int = 32,
        hidden: int = 256,
        sphere: bool = False,
        decoder: bool = False,
        generator: torch.Generator | None = None,
    ):
        """Build the networks.

        Args:
            features: size ``F`` of an observation.
            actions: number ``A`` of discrete actions.
            latent: size ``D`` of a latent.
            hidden: width of the hidden layers.
            sphere: normalise latents to length 1.
            decoder: add a network from latents back to observations.
            generator: source of the initial weights; ``None`` leaves torch's default ones.

        Raises:
            ValueError: a size is below 1.
        """
        super().__init__()
        for name, value in {"features": features, "actions": actions, "latent": latent, "hidden": hidden}.items():
            require_count(name, value)
        self.actions, self.latent, self.sphere = actions, latent, sphere
        self.encoder = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, latent))
        self.residuals = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, actions * latent))
        self.decoder = (
            nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, features)) if decoder else None
        )
        self.register_buffer("shift", torch.zeros(latent))
        self.register_buffer("scale", torch.ones(latent))
        if generator is not None:
            initialise(self, generator)

    def encode(self, observations: Tensor) -> Tensor:
        """Observations ``(..., F)`` to latents ``(..., D)``."""
        z = (self.encoder(observations) - self.shift) / self.scale
        return F.normalize(z, dim=-1) if self.sphere else z

    def forward(self, z: Tensor, a: Tensor) -> Tensor:
        """The next latent ``(..., D)`` after action ``a`` ``(..., A)`` in latent ``z`` ``(..., D)``."""
        residuals = self.residuals(z).unflatten(-1, (self.actions, self.latent))
        z_next = z + (a.unsqueeze(-2) @ residuals).squeeze(-2)
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
    def standardise(self, observations: Tensor) -> None:
        """Shift and scale latents: over ``observations`` ``(N, F)`` each coordinate has mean 0 and deviation 1."""
        z = self.encoder(observations)
        self.shift.copy_(z.mean(dim=0))
        self.scale.copy_(z.std(dim=0).clamp_min(1e-6))


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of every linear layer from ``generator``: uniform in +-1/sqrt(fan-in), torch's own default."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            with torch.no_grad():
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.uniform_(-bound, bound, generator=generator)


def one_hot_actions(actions: Tensor, count: int) -> Tensor:
    """Action indices ``(...)`` as corners of the simplex, ``(..., A)`` floats."""
    return F.one_hot(actions, count).float()
