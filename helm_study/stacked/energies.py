"""Many small networks trained at once: weights side by side, one step for all, each with its own randomness.

A seed's network does not depend on which others are trained beside it: it draws from its own generator, the sum of the
losses has no mixed terms, and Adam works on each number by itself. The gradient is written out by hand into memory
that is kept: for networks this small, fresh memory in every step costs a third of the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from helm_tutorial._check import require_count, require_real, require_shape
from helm_tutorial.models.fit import Progress, TrainingDiverged

TOGETHER = 50
"""Steps whose points are drawn and scored together, in as many small operations as one step would need by itself."""


class StackedNetworks:
    """``S`` networks of :func:`~helm_tutorial.funnel.invariance.energy_network`'s kind, as ``(S, B, A) -> (S, B)``.

    Args:
        networks: of equal shape: linear layers with tanh between them, one output.
        batch: number of points ``B`` that each is given at a time.

    Attributes:
        weights: one tensor ``(S, inputs, outputs)`` a layer, with its gradient in ``.grad``.
        biases: one tensor ``(S, 1, outputs)`` a layer, with its gradient in ``.grad``.

    Raises:
        ValueError: there are no networks, or ``batch`` is below 1.
    """

    def __init__(self, networks: Sequence[nn.Module], batch: int):
        require_count("the number of networks", len(networks))
        require_count("batch", batch)
        self.weights, self.biases = side_by_side(networks)
        sizes = [bias.shape[2] for bias in self.biases[:-1]]
        self._hidden = [self.weights[0].new_empty(len(networks), batch, size) for size in sizes]
        self._upward = [torch.empty_like(hidden) for hidden in self._hidden]
        self._minus_one = self.weights[0].new_tensor(-1.0)

    def parameters(self) -> list[Tensor]:
        """Every tensor that is trained."""
        return [*self.weights, *self.biases]

    def forward(self, x: Tensor) -> Tensor:
        """Values at ``x``, ``(S, B, A) -> (S, B)``; kept for :meth:`backward`."""
        self._input = x
        for weight, bias, hidden in zip(self.weights, self.biases, self._hidden, strict=False):
            # tanh(x) = 2 s(2x) - 1, five times as fast here
            torch.baddbmm(bias, x, weight, beta=2.0, alpha=2.0, out=hidden).sigmoid_()
            x = torch.add(self._minus_one, hidden, alpha=2.0, out=hidden)
        # A product with one column is summed in another order when S is 1; a sum of products is not.
        torch.mul(x, self.weights[-1].mT, out=self._upward[-1])
        return self._upward[-1].sum(dim=2) + self.biases[-1][:, 0]

    def backward(self, slope: Tensor) -> None:
        """Gradients of a loss whose derivative by the last values is ``slope``, ``(S, B)``, into every ``.grad``."""
        up = slope.unsqueeze(2)
        for layer in reversed(range(len(self.weights))):
            below = self._hidden[layer - 1] if layer else self._input
            torch.bmm(below.mT, up, out=self.weights[layer].grad)
            torch.sum(up, dim=1, keepdim=True, out=self.biases[layer].grad)
            if layer:
                to = torch.bmm(up, self.weights[layer].mT, out=self._upward[layer - 1])
                up = torch.ops.aten.tanh_backward.grad_input(to, below, grad_input=to)

    def copy_into(self, networks: Sequence[nn.Module]) -> None:
        """Write the weights into ``S`` ordinary networks, to be used one by one.

        Raises:
            ValueError: there are not ``S`` networks.
        """
        require_count("the number of networks", len(networks), low=len(self.weights[0]), high=len(self.weights[0]))
        copy_back(networks, self.weights, self.biases)


def side_by_side(networks: Sequence[nn.Module]) -> tuple[list[Tensor], list[Tensor]]:
    """The linear layers of ``S`` networks of equal shape, their gradients set to 0.

    Returns:
        Weights, ``(S, inputs, outputs)`` a layer, and biases, ``(S, 1, outputs)`` a layer.
    """
    layers = list(zip(*(_linear(network) for network in networks), strict=True))
    weights = [torch.stack([part.weight.detach().T for part in layer]) for layer in layers]
    biases = [torch.stack([part.bias.detach()[None] for part in layer]) for layer in layers]
    for tensor in (*weights, *biases):
        tensor.grad = torch.zeros_like(tensor)
    return weights, biases


@torch.no_grad()
def copy_back(networks: Sequence[nn.Module], weights: Sequence[Tensor], biases: Sequence[Tensor]) -> None:
    """Write what :func:`side_by_side` made into the networks."""
    for index, network in enumerate(networks):
        for layer, weight, bias in zip(_linear(network), weights, biases, strict=True):
            layer.weight.copy_(weight[index].T)
            layer.bias.copy_(bias[index, 0])


def fit_stacked(
    networks: Sequence[nn.Module],
    energy: Callable[[Tensor], Tensor],
    generators: Sequence[torch.Generator],
    *,
    dimension: int,
    half_width: float,
    steps: int,
    batch: int,
    lr: float = 1e-3,
    sigma: float = 0.0,
    weight: float = 0.0,
    progress: Progress | None = None,
) -> Tensor:
    """Fit each network to ``energy`` on a box by :func:`~helm_tutorial.funnel.invariance.invariance_loss`, with Adam.

    Each step draws points uniform on the box and, where ``weight`` is positive, noise, from each network's own
    generator: the numbers that this network would draw if it were trained alone.

    Args:
        networks: ``S`` of equal shape, trained in place.
        energy: ``(B, A) -> (B,)``.
        generators: one a network.
        dimension: ``A``.
        half_width: of the box.
        steps: Adam steps.
        batch: points a step.
        lr: Adam's step size.
        sigma: width of the noise.
        weight: of the invariance, ``λ``.
        progress: see :data:`helm_tutorial.models.fit.Progress`; the loss is the mean over the networks.

    Returns:
        Each network's last loss, shape ``(S,)``.

    Raises:
        ValueError: an argument is out of range.
        TrainingDiverged: a loss is not finite.
    """
    require_count("the number of generators", len(generators), low=len(networks), high=len(networks))
    for name, value in (("dimension", dimension), ("steps", steps), ("batch", batch)):
        require_count(name, value)
    require_real("half_width", half_width, above=0.0)
    require_real("lr", lr, above=0.0)
    require_real("sigma", sigma, low=0.0)
    require_real("weight", weight, low=0.0)
    stacked = StackedNetworks(networks, batch * (2 if weight else 1))
    optimizer = torch.optim.Adam(stacked.parameters(), lr=lr, fused=True)
    report_every, losses = max(1, steps // 100), torch.empty(0)
    for step in range(steps):
        now = step % TOGETHER
        if now == 0:
            shape = (min(TOGETHER, steps - step), len(networks), batch, dimension)
            unit, noise = _draw(generators, shape, noisy=weight > 0.0)
            a = unit.mul_(2.0).sub_(1.0).mul_(half_width)
            x = torch.cat([a, a + noise.mul_(sigma)], dim=2) if weight else a
            target = energy(a.flatten(0, 2))
            require_shape("energy(a)", target, (a.numel() // dimension,))
            target = target.view(shape[:3])
        values = stacked.forward(x[now])
        stacked.backward(_slope(values, target[now], weight))
        optimizer.step()
        if step % report_every == 0 or step == steps - 1:
            losses = _losses(values, target[now], weight)
            loss = float(losses.mean())
            if not math.isfinite(loss):
                raise TrainingDiverged(f"the loss is {loss} at step {step} of {steps}; try an lr below {lr}")
            if progress is not None:
                progress(step + 1, steps, loss)
    stacked.copy_into(networks)
    return losses


def _draw(
    generators: Sequence[torch.Generator], shape: tuple[int, int, int, int], *, noisy: bool
) -> tuple[Tensor, Tensor]:
    """Uniform and normal numbers, ``(steps, S, B, A)`` each, in the order in which a step at a time would draw them."""
    unit, noise = torch.empty(shape), torch.empty(shape)
    for step in range(shape[0]):
        for seed, generator in enumerate(generators):
            torch.rand(shape[2:], generator=generator, out=unit[step, seed])
            if noisy:
                torch.randn(shape[2:], generator=generator, out=noise[step, seed])
    return unit, noise


def _losses(values: Tensor, target: Tensor, weight: float) -> Tensor:
    """Losses ``(S,)`` from values at the points, ``(S, B)``, or with a weight at these and at the moved ones."""
    count = target.shape[1]
    losses = (values[:, :count] - target).pow(2).mean(dim=1)
    return losses + weight * (values[:, :count] - values[:, count:]).pow(2).mean(dim=1) if weight else losses


def _slope(values: Tensor, target: Tensor, weight: float) -> Tensor:
    """Derivatives of :func:`_losses` by the values, of their shape."""
    count = target.shape[1]
    error = values[:, :count] - target
    if not weight:
        return 2.0 / count * error
    jump = values[:, :count] - values[:, count:]
    return 2.0 / count * torch.cat([error + weight * jump, -weight * jump], dim=1)


def _linear(network: nn.Module) -> list[nn.Linear]:
    return [part for part in network.modules() if isinstance(part, nn.Linear)]
