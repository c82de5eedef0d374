import pytest
import torch
from torch.func import grad, vmap

from helm_tutorial.funnel.invariance import bounded_bowl_slope, energy_network, invariance_loss


def test_network_depends_on_its_generator_alone():
    state = torch.random.get_rng_state()
    a = torch.linspace(-1, 1, 6).reshape(3, 2)
    one, same, other = (energy_network(torch.Generator().manual_seed(s))(a) for s in (0, 0, 1))
    assert one.shape == (3,)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_invariance_loss_by_hand():
    class Linear(torch.nn.Module):
        def forward(self, a):
            return 2.0 * a[:, 0]

    a = torch.zeros(200_000, 2)
    target = torch.ones(len(a))
    generator = torch.Generator().manual_seed(0)
    plain = invariance_loss(Linear(), a, target, generator, sigma=0.3, weight=0.0)
    assert float(plain) == pytest.approx(1.0)
    value = invariance_loss(Linear(), a, target, generator, sigma=0.3, weight=5.0)
    assert float(value) == pytest.approx(1.0 + 5.0 * 4.0 * 0.09, rel=0.02)


@pytest.mark.parametrize("length", [0.1, 0.95, 1.7])
def test_bounded_bowl_slope_solves_its_boundary_problem(length):
    """Differentiated once, f - L² f'' = ½a² reads s - L² s'' = a for the slope s, with s = 0 at both ends."""
    a = torch.linspace(-3, 3, 25, dtype=torch.float64)
    slope = bounded_bowl_slope(a, 3.0, length)
    second = vmap(grad(grad(lambda x: bounded_bowl_slope(x, 3.0, length))))(a)
    assert torch.allclose(slope - length**2 * second, a, atol=1e-9)
    assert torch.allclose(slope[[0, -1]], torch.zeros(2, dtype=torch.float64), atol=1e-12)
    assert bool((slope[1:12] < 0).all() and (slope[13:-1] > 0).all())


def test_bad_arguments_are_named():
    a = torch.zeros(3, 2)
    with pytest.raises(ValueError, match=r"target must have shape \(3\), got \(2,\)"):
        invariance_loss(energy_network(torch.Generator()), a, torch.zeros(2), torch.Generator(), sigma=0.1, weight=1.0)
    with pytest.raises(ValueError, match="width must be at least 1, got 0"):
        energy_network(torch.Generator(), width=0)
    with pytest.raises(ValueError, match="length must be finite and greater than"):
        bounded_bowl_slope(a, 3.0, 0.0)
