"""World models: an encoder, and dynamics ``z_next = model(z, a)``."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helm_tutorial._check import require_count


class WorldModel(nn.Module):
    """A latent world model for discrete actions.

    The dynamics are linear in the action. The network gives one residual for each of the ``A`` actions, and a point
    ``a`` of the action simplex mixes them::

        f(z, a) = z + sum_k a_k r_k(z)

    So a relaxed action is exactly the mixture of what the pure actions do, and the gradient with respect to ``a``
    compares their true effects everywhere in the simplex.

    On the ``sphere``, latents and predictions have length 1. There cosine similarity (which InfoNCE trains) and
    Euclidean distance (which the planner descends) order pairs alike, because ``|z - w|^2 = 2 - 2 z.w``.

    With ``goal_encoder``, a second network encodes states *as goals*. The distance between two latents of one encoder
    is the same in both directions, but the path back may be longer than the path there. The distance from a latent to
    a goal latent of another encoder can tell the two directions apart.

    Shapes: observations ``(..., F)``, latents ``(..., D)``, actions ``(..., A)`` on the simplex.

    Example:
        >>> model = WorldModel(10, 3, latent=4, generator=torch.Generator().manual_seed(0))
        >>> z = model.encode(torch.eye(10))
        >>> model(z, torch.full((10, 3), 1 / 3)).shape  # a third of each action
        torch.Size([10, 4])
    """

    def __init__(
        self,
        features: int | None,
        num_actions: int,
        *,
        latent: int = 32,
        hidden: int = 256,
        sphere: bool = False,
        decoder: bool = False,
        goal_encoder: bool = False,
        rescale: bool = False,
        tangent: bool = False,
        encoder: nn.Module | None = None,
        generator: torch.Generator | None = None,
    ):
        """Build the networks.

        Args:
            features: size ``F`` of an observation; ``None`` if your own encoder takes another shape.
            num_actions: number ``A`` of discrete actions.
            latent: dimension ``D`` of a latent.
            hidden: width of the hidden layers.
            sphere: normalise latents to length 1.
            decoder: add a network from latents back to observations.
            goal_encoder: add a second network of the encoder's form that encodes goals, see :meth:`encode_goal`.
            rescale: the dynamics network sees latents times ``sqrt(D)``. The coordinates of a latent of length 1 are
                about ``D^-1/2``, and a network learns faster from inputs of about 1.
            tangent: use only the part of the mixed residual that is tangent to the sphere at ``z``. Then
                ``|z + r| >= 1``, and normalising never stretches.
            encoder: your own network from observations to latents, instead of the default with one hidden layer.
            generator: source of the initial weights, including those of ``encoder``; ``None`` keeps torch's own.
        """
        super().__init__()
        for name, value in {"num_actions": num_actions, "latent": latent, "hidden": hidden}.items():
            require_count(name, value)
        if encoder is None or decoder:
            require_count("features", features)
        if tangent and not sphere:
            raise ValueError("tangent must be False where sphere is, got True: only a sphere has tangent spaces here")
        self.num_actions, self.latent, self.sphere, self.tangent = num_actions, latent, sphere, tangent
        self.inputs = latent**0.5 if rescale else 1.0
        self.encoder = _perceptron(features, hidden, latent) if encoder is None else encoder
        self.residuals = _perceptron(latent, hidden, num_actions * latent)
        self.decoder = _perceptron(latent, hidden, features) if decoder else None
        self.goal_encoder = copy.deepcopy(self.encoder) if goal_encoder else None
        self.register_buffer("shift", torch.zeros(latent))
        self.register_buffer("scale", torch.ones(latent))
        if generator is not None:
            initialise(self, generator)

    def encode(self, observations: Tensor) -> Tensor:
        """Encode observations ``(..., F)`` as latents ``(..., D)``."""
        z = (self.encoder(observations) - self.shift) / self.scale
        return F.normalize(z, dim=-1) if self.sphere else z

    def encode_goal(self, observations: Tensor) -> Tensor:
        """Encode observations ``(..., F)`` of goals as goal latents ``(..., D)``.

        Without a goal encoder this is :meth:`encode`.
        """
        if self.goal_encoder is None:
            return self.encode(observations)
        y = self.goal_encoder(observations)
        return F.normalize(y, dim=-1) if self.sphere else y

    def forward(self, z: Tensor, a: Tensor) -> Tensor:
        """Predict the next latent ``(..., D)``.

        ``z`` is a latent ``(..., D)`` and ``a`` an action ``(..., A)``.
        """
        return self._moved(z, (a.unsqueeze(-2) @ self._residuals(z)).squeeze(-2))

    def successors(self, z: Tensor) -> Tensor:
        """Predict the next latents ``(..., A, D)`` after each pure action.

        ``z`` is a latent ``(..., D)``. All actions are predicted in one pass.
        """
        return self._moved(z.unsqueeze(-2), self._residuals(z))

    def _residuals(self, z: Tensor) -> Tensor:
        z = z if self.inputs == 1.0 else z * self.inputs
        return self.residuals(z).unflatten(-1, (self.num_actions, self.latent))

    def _moved(self, z: Tensor, residual: Tensor) -> Tensor:
        if self.tangent:
            residual = residual - (residual * z).sum(dim=-1, keepdim=True) * z
        z_next = z + residual
        return F.normalize(z_next, dim=-1) if self.sphere else z_next

    def decode(self, z: Tensor) -> Tensor:
        """Decode latents ``(..., D)`` to observations ``(..., F)``.

        This needs a model with a decoder.
        """
        if self.decoder is None:
            raise RuntimeError("this world model has no decoder; build it with decoder=True")
        return self.decoder(z * self.scale + self.shift)

    @torch.no_grad()
    def standardise(self, observations: Tensor, rows: Tensor | None = None) -> None:
        """Shift and scale latents to mean 0 and standard deviation 1.

        Each coordinate is standardised over ``observations``, shape ``(N, F)``. ``rows``, shape ``(B,)``, selects
        observations, each as often as its index occurs; by default each counts once.
        """
        if self.goal_encoder is not None:
            raise RuntimeError("latents cannot be standardised apart from goals; build with goal_encoder=False")
        z = self.encoder(observations)
        z = z if rows is None else z[rows]
        self.shift.copy_(z.mean(dim=0))
        self.scale.copy_(z.std(dim=0).clamp_min(1e-6))


def _perceptron(inputs: int, hidden: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw all linear and convolutional weights from ``generator``.

    They are uniform in ``±1/sqrt(fan-in)``, as in torch's default.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            bound = layer.weight[0].numel() ** -0.5
            with torch.no_grad():
                layer.weight.uniform_(-bound, bound, generator=generator)
                if layer.bias is not None:
                    layer.bias.uniform_(-bound, bound, generator=generator)


def one_hot_actions(actions: Tensor, count: int) -> Tensor:
    """Turn action indices ``(...)`` into one-hot floats ``(..., A)``."""
    return F.one_hot(actions, count).float()
