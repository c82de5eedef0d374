import pytest
import torch

from helm_study.stacked.energies import StackedNetworks, fit_stacked
from helm_tutorial.funnel.invariance import energy_network, invariance_loss
from helm_tutorial.funnel.landscape import report_energy
from helm_tutorial.models.fit import TrainingDiverged

SETTINGS = [(0.0, 0.0), (0.2, 23.0)]


def trained(seeds, *, sigma, weight, steps=12, width=16, dimension=2):
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    networks = [energy_network(own, width=width, dimension=dimension) for own in generators]
    fit_stacked(
        networks, report_energy(dimension), generators, dimension=dimension, half_width=3.0, steps=steps, batch=32,
        sigma=sigma, weight=weight,
    )  # fmt: skip
    return networks


def alone(seed, *, sigma, weight, steps=12, width=16):
    """The same training, one network, by autograd."""
    energy, generator = report_energy(), torch.Generator().manual_seed(seed)
    network = energy_network(generator, width=width)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    for _ in range(steps):
        a = 3.0 * (2.0 * torch.rand(32, 2, generator=generator) - 1.0)
        optimizer.zero_grad()
        invariance_loss(network, a, energy(a), generator, sigma=sigma, weight=weight).backward()
        optimizer.step()
    return network


@pytest.mark.parametrize(("sigma", "weight"), SETTINGS)
@pytest.mark.parametrize("width", [16, 128])
def test_a_seed_is_the_same_to_the_last_bit_whatever_is_trained_beside_it(sigma, weight, width):
    by_itself = trained([4], sigma=sigma, weight=weight, width=width)[0]
    for company in ([4, 1], [0, 1, 4], [9, 8, 7, 4, 3]):
        among = trained(company, sigma=sigma, weight=weight, width=width)[company.index(4)]
        assert all(torch.equal(p, q) for p, q in zip(by_itself.parameters(), among.parameters(), strict=True))


@pytest.mark.parametrize(("sigma", "weight"), SETTINGS)
def test_training_side_by_side_is_training_one_by_one(sigma, weight):
    together = trained([0, 5], sigma=sigma, weight=weight)
    for seed, network in zip((0, 5), together, strict=True):
        for p, q in zip(network.parameters(), alone(seed, sigma=sigma, weight=weight).parameters(), strict=True):
            assert torch.allclose(p, q, atol=2e-6)


def test_values_and_gradients_are_those_of_autograd_in_float64():
    generator = torch.Generator().manual_seed(0)
    networks = [energy_network(generator, width=7, dimension=3).double() for _ in range(3)]
    stacked = StackedNetworks(networks, batch=11)
    x = torch.randn(3, 11, 3, generator=generator, dtype=torch.float64)
    slope = torch.randn(3, 11, generator=generator, dtype=torch.float64)
    values = stacked.forward(x)
    stacked.backward(slope)
    for index, network in enumerate(networks):
        expected = network(x[index])
        assert torch.allclose(values[index], expected)
        expected.backward(slope[index])
        layers = [part for part in network if isinstance(part, torch.nn.Linear)]
        for layer, weight, bias in zip(layers, stacked.weights, stacked.biases, strict=True):
            assert torch.allclose(weight.grad[index], layer.weight.grad.T)
            assert torch.allclose(bias.grad[index, 0], layer.bias.grad)


def test_divergence_and_bad_arguments_are_named():
    generator = torch.Generator().manual_seed(0)

    def fit(networks, generators, **options):
        settings = {"dimension": 2, "half_width": 3.0, "steps": 20, "batch": 8} | options
        return fit_stacked(networks, report_energy(), generators, **settings)

    network = energy_network(generator, width=4)
    with pytest.raises(TrainingDiverged, match="try an lr below"):
        fit([network], [generator], lr=1e36)
    with pytest.raises(ValueError, match="number of generators must be between 1 and 1, got 2"):
        fit([network], [generator, generator])
    with pytest.raises(ValueError, match="number of networks must be at least 1"):
        StackedNetworks([], 4)
    with pytest.raises(ValueError, match="number of networks must be between 1 and 1, got 2"):
        StackedNetworks([network], 4).copy_into([network, network])
    with pytest.raises(ValueError, match="sigma must be finite"):
        fit([network], [generator], sigma=-1.0)
