"""Many world models on the sphere side by side, and the gradient of the contrastive loss, written out by hand.

All is written into memory that is kept. And since the observations of a gridworld differ in a few entries only, the
encoder's first layer adds up a few rows of its weights where a product would run over all.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helm_study.stacked.energies import copy_back, side_by_side
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.worlds.gridworld import Gridworld


class StackedWorldModels:
    """``S`` world models on the sphere, with one encoder, over the same ``N`` observations.

    Args:
        models: of equal shape.
        world: whose observations they encode and whose transitions they predict.
        temperature: of InfoNCE, at least 0.02, below which exponentials overflow.
        weight: of latent prediction.
    """

    def __init__(self, models: Sequence[WorldModel], world: Gridworld, *, temperature: float, weight: float):
        self.temperature, self.weight = temperature, weight
        like = models[0].shift
        self._next = world.transitions.flatten().to(like.device)
        count, actions, latent, kind = len(models), models[0].num_actions, models[0].latent, like.new_empty
        self._encoder = _Perceptrons([model.encoder for model in models], len(world.features))
        self._residuals = _Perceptrons([model.residuals for model in models], len(world.features))
        self._observations = _SharedInputs(world.features.to(like), count)
        states = world.num_states
        self._raw, self._z, self._down = (kind(count, states, latent) for _ in range(3))
        self._similar = kind(count, states, states)
        self._moved, self._ahead, self._error = (kind(count, states, actions, latent) for _ in range(3))

    def parameters(self) -> list[Tensor]:
        """Every tensor that is trained, its gradient in ``.grad``."""
        return [*self._encoder.parameters(), *self._residuals.parameters()]

    def copy_into(self, models: Sequence[WorldModel]) -> None:
        """Write the weights into ``S`` ordinary models, to be used one by one."""
        self._encoder.copy_into([model.encoder for model in models])
        self._residuals.copy_into([model.residuals for model in models])

    def gradient(self, pairs: Tensor, taken: Tensor) -> Tensor:
        """Losses, shape ``(S,)``, and their gradients into every ``.grad``.

        Args:
            pairs: how often each state is the anchor of each other in each model's batch, shape ``(S, N, N)``.
            taken: how often each action is taken in each state, shape ``(S, N, A)``.
        """
        self._encoder.forward(self._observations, self._raw)
        length = _normalise(self._raw, self._z)
        contrast = self._contrast(pairs)
        prediction = self._prediction(taken)
        _normalise_backward(self._down, self._z, length)
        self._encoder.backward(self._down)
        return contrast + prediction

    def _contrast(self, pairs: Tensor) -> Tensor:
        """InfoNCE of each distinct pair (:func:`helm_study.fast.losses.info_nce_of_pairs`); its slope begins
        ``_down``.

        With ``s_ij = z_i.z_j / tau`` and ``p_ij`` the share of j in the denominator of i, the derivative by ``s_ij``
        is ``(n_i. p_ij - n_ij) / B``, and ``z`` is on both sides of the product.
        """
        z, similar = self._z, self._similar
        torch.bmm(z, z.mT, out=similar).div_(self.temperature)
        anchored, batch = pairs.sum(dim=2, keepdim=True), pairs[0].sum()
        found = (pairs * similar).sum(dim=(1, 2))
        # Cosines over a temperature of 0.02 or more are at most 50, so that no maximum need be subtracted before.
        similar.exp_().mul_(pairs.sum(dim=1, keepdim=True))
        total = similar.sum(dim=2, keepdim=True)
        similar.mul_(anchored / total).sub_(pairs)
        torch.bmm(similar, z, out=self._down)
        self._down.baddbmm_(similar.mT, z).div_(self.temperature * batch)
        return ((anchored * total.log()).sum(dim=(1, 2)) - found) / batch

    def _prediction(self, taken: Tensor) -> Tensor:
        """Weighted mean squared distance of predicted from true next latents; its slope is added to ``_down``."""
        z, moved, ahead, error = self._z, self._moved, self._ahead, self._error
        self._residuals.forward(z, moved.flatten(2))
        moved.add_(z.unsqueeze(2))
        length = _normalise(moved, ahead)
        torch.sub(ahead, z.index_select(1, self._next).view_as(ahead), out=error)
        share = (self.weight / taken[0].sum()) * taken.unsqueeze(3)
        losses = (share * error.square()).sum(dim=(1, 2, 3))
        error.mul_(2.0 * share)
        self._down.index_add_(1, self._next, error.flatten(1, 2), alpha=-1.0)
        _normalise_backward(error, ahead, length)
        self._down.add_(error.sum(dim=2))
        self._residuals.backward(error.flatten(2), self._down)
        return losses


class _Perceptrons:
    """``S`` networks linear-ReLU-linear, ``(S, N, inputs) -> (S, N, outputs)``, into memory that is kept."""

    def __init__(self, networks: Sequence[nn.Module], rows: int):
        self._weights, self._biases = side_by_side(networks)
        self._hidden = self._weights[0].new_empty(len(networks), rows, self._weights[0].shape[2])
        self._slope = torch.empty_like(self._hidden)

    def parameters(self) -> list[Tensor]:
        return [*self._weights, *self._biases]

    def copy_into(self, networks: Sequence[nn.Module]) -> None:
        copy_back(networks, self._weights, self._biases)

    def forward(self, x: Tensor | _SharedInputs, out: Tensor) -> None:
        """``out`` from ``x``, either a tensor or what all networks see."""
        self._input = x
        if isinstance(x, _SharedInputs):
            x.times(self._weights[0], self._hidden)
            self._hidden.add_(self._biases[0])
        else:
            torch.baddbmm(self._biases[0], x, self._weights[0], out=self._hidden)
        self._hidden.clamp_min_(0.0)
        torch.baddbmm(self._biases[1], self._hidden, self._weights[1], out=out)

    def backward(self, up: Tensor, down: Tensor | None = None) -> None:
        """Gradients from the derivative ``up`` by the last outputs; that by the last inputs is added to ``down``."""
        first, last = self._weights
        torch.bmm(self._hidden.mT, up, out=last.grad)
        torch.sum(up, dim=1, keepdim=True, out=self._biases[1].grad)
        torch.bmm(up, last.mT, out=self._slope)
        torch.ops.aten.threshold_backward.grad_input(self._slope, self._hidden, 0.0, grad_input=self._slope)
        torch.sum(self._slope, dim=1, keepdim=True, out=self._biases[0].grad)
        if isinstance(self._input, _SharedInputs):
            self._input.gradient(self._slope, self._biases[0].grad, first.grad)
        else:
            torch.bmm(self._input.mT, self._slope, out=first.grad)
        if down is not None:
            down.baddbmm_(self._slope, first.mT)


class _SharedInputs:
    """Inputs ``(N, F)`` that ``S`` networks have in common, as one row and each input's few differences from it."""

    def __init__(self, inputs: Tensor, count: int):
        self._row = inputs.mode(dim=0).values
        rest = inputs - self._row
        self._by_input, self._by_feature = _bags(rest, count), _bags(rest.T, count)

    def times(self, weight: Tensor, out: Tensor) -> None:
        """``out``, shape ``(S, N, H)``, is the inputs times ``weight``, shape ``(S, F, H)``."""
        torch.add((self._row @ weight).unsqueeze(1), _add_up(weight, self._by_input).view_as(out), out=out)

    def gradient(self, up: Tensor, total: Tensor, out: Tensor) -> None:
        """``out``, shape ``(S, F, H)``: the derivative by ``weight`` from that by the product and its sum over N."""
        torch.mul(self._row.unsqueeze(1), total, out=out).add_(_add_up(up, self._by_feature).view_as(out))


def _bags(matrix: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The non-zero entries of a matrix ``count`` times over: where, where each row begins, and what is there."""
    row, column = matrix.nonzero(as_tuple=True)
    sizes = torch.bincount(row, minlength=len(matrix)).repeat(count)
    where = (column + matrix.shape[1] * torch.arange(count, device=matrix.device)[:, None]).flatten()
    return where, sizes.cumsum(0) - sizes, matrix[row, column].repeat(count)


def _add_up(rows: Tensor, bags: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """The matrix of ``bags`` times ``rows``, shape ``(S, ..., H)``: of each of its rows the weighted sum."""
    where, begins, values = bags
    return F.embedding_bag(where, rows.flatten(0, 1), begins, mode="sum", per_sample_weights=values)


def _normalise(x: Tensor, out: Tensor) -> Tensor:
    """``out`` is ``x`` brought to length 1; the lengths are returned."""
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True).clamp_min_(1e-12)
    torch.div(x, length, out=out)
    return length


def _normalise_backward(slope: Tensor, unit: Tensor, length: Tensor) -> None:
    """From the derivative by the unit vectors, in place, that by the vectors: what is tangent, over the length."""
    slope.addcmul_(unit, (slope * unit).sum(dim=-1, keepdim=True), value=-1.0).div_(length)
