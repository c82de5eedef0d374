"""The expansive linear system."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helm_tutorial.cliff.linear_system import LinearSystem, expansive_system

seeds = st.integers(0, 2**31 - 1)


def draw(seed: int, **kwargs) -> LinearSystem:
    return expansive_system(torch.Generator().manual_seed(seed), **kwargs)


@settings(deadline=None)
@given(seeds)
def test_expansive_system_is_symmetric_with_the_stated_eigenvalues(seed):
    system = draw(seed)
    assert torch.allclose(system.W, system.W.mT)
    expected = torch.tensor([1.1, 1.1 + 0.2 / 3, 1.1 + 0.4 / 3, 1.3], dtype=torch.float64)
    assert torch.allclose(torch.linalg.eigvalsh(system.W), expected)


@settings(deadline=None)
@given(seeds, st.floats(0.1, 2.0))
def test_a_coupling_keeps_the_eigenvalues_and_makes_the_matrix_non_normal(seed, coupling):
    system, plain = draw(seed, coupling=coupling), draw(seed)
    assert torch.equal(system.B, plain.B)
    # The coefficients of the characteristic polynomial, by Newton's identities: the powers' traces are unchanged.
    for k in range(1, 5):
        traces = [float(torch.linalg.matrix_power(s.W, k).trace()) for s in (system, plain)]
        assert traces[0] == pytest.approx(traces[1], rel=1e-9)
    assert float((system.W @ system.W.mT - system.W.mT @ system.W).norm()) > 0.1 * coupling**2


def test_one_seed_is_one_system_in_every_precision():
    assert torch.equal(draw(3).W.float(), draw(3, dtype=torch.float32).W)
    assert torch.equal(draw(3).B, draw(3).B)
    assert not torch.equal(draw(3).W, draw(4).W)


def test_step_is_the_matrix_formula():
    system = draw(0, num_actions=2)
    z, a = torch.randn(5, 4, dtype=torch.float64), torch.randn(5, 2, dtype=torch.float64)
    expected = torch.stack([system.W @ z[i] + system.B @ a[i] for i in range(5)])
    assert torch.allclose(system(z, a), expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LinearSystem(torch.eye(2), torch.ones(3, 1)), r"B must have shape \(2, A\), got \(3, 1\)"),
        (lambda: LinearSystem(torch.ones(2, 3), torch.ones(2, 1)), "W must have shape"),
        (lambda: draw(0, dimension=0), "dimension must be at least 1, got 0"),
        (lambda: draw(0, low=2.0), "low must be finite and at most 1.3, got 2.0"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
