"""The expansive linear system, its closed forms and condition numbers, against autograd, sampling and bounds."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helm_tutorial.cliff.closed_forms import (
    action_jacobian,
    action_jacobian_norms,
    critical_weight,
    lyapunov_limit,
    relative_distance,
    report_optimum,
    ridge_optimum,
    state_jacobian_singular_values,
    transient_growth,
)
from helm_tutorial.cliff.conditioning import (
    action_condition,
    action_condition_bound,
    lifted_condition,
    lifted_condition_bound,
)
from helm_tutorial.cliff.linear_system import LinearSystem, expansive_system, spectral_radius
from helm_tutorial.jacobian import rollout_jacobian

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


# ---------------------------------------------------------------- closed forms


@settings(deadline=None)
@given(seeds, st.integers(1, 8), st.integers(1, 3))
def test_closed_form_action_jacobian_equals_autograd(seed, horizon, actions):
    system = draw(seed, num_actions=actions)
    z0 = torch.zeros(1, 4, dtype=torch.float64)
    jacobian = rollout_jacobian(system, z0, torch.ones(1, horizon, actions, dtype=torch.float64))
    assert torch.allclose(jacobian.action[0], action_jacobian(system, horizon))
    assert torch.allclose(jacobian.state[0], torch.linalg.matrix_power(system.W, horizon))


@settings(deadline=None)
@given(seeds)
def test_norms_at_every_horizon_equal_the_norm_of_each_jacobian(seed):
    system = draw(seed)
    expected = torch.stack([action_jacobian(system, T).norm() for T in range(1, 13)])
    assert torch.allclose(action_jacobian_norms(system, 12), expected)


@settings(deadline=None)
@given(seeds)
def test_singular_values_of_a_symmetric_power_are_powers_of_eigenvalues(seed):
    """To the last digits even where the largest is 10^12 times the smallest and more."""
    values = state_jacobian_singular_values(draw(seed, low=0.6, high=0.8), 100)
    eigenvalues = torch.linspace(0.8, 0.6, 4, dtype=torch.float64)
    steps = torch.arange(1, 101)[:, None]
    assert values.shape == (100, 4)
    assert torch.allclose(values, eigenvalues**steps, rtol=1e-9, atol=0.0)


@settings(deadline=None)
@given(seeds)
def test_singular_values_are_those_of_autograds_state_jacobian(seed):
    system = draw(seed, low=0.7, high=0.9, coupling=1.0)
    z0, actions = torch.zeros(1, 4, dtype=torch.float64), torch.zeros(1, 8, 1, dtype=torch.float64)
    jacobian = rollout_jacobian(system, z0, actions).state[0]
    assert torch.allclose(state_jacobian_singular_values(system, 8)[-1], torch.linalg.svdvals(jacobian), rtol=1e-8)


def test_the_product_of_a_non_normal_powers_singular_values_is_its_determinant():
    """Unlike the values themselves, the determinant has a closed form."""
    values = state_jacobian_singular_values(draw(0, low=0.6, high=0.8, coupling=1.0), 100)
    steps = torch.arange(1, 101, dtype=torch.float64)
    log_determinant = torch.linspace(0.6, 0.8, 4, dtype=torch.float64).log().sum()
    assert torch.allclose(values.log().sum(dim=1), steps * log_determinant, atol=1e-5)


@settings(deadline=None)
@given(st.lists(st.floats(-1.2, 1.2), min_size=1, max_size=5), st.floats(-2.0, 2.0))
def test_transient_growth_is_the_corner_of_the_powers(eigenvalues, coupling):
    values = torch.tensor(eigenvalues, dtype=torch.float64)
    above = torch.full((len(values) - 1,), coupling, dtype=torch.float64)
    matrix = torch.diag(values) + torch.diag(above, 1)
    corner = transient_growth(values, coupling, 12)
    for k in range(1, 13):
        assert float(corner[k - 1]) == pytest.approx(float(torch.linalg.matrix_power(matrix, k)[0, -1]), abs=1e-8)


def test_transient_growth_bounds_the_largest_singular_value_and_peaks_where_it_must():
    system = draw(0, low=0.75, high=0.95, coupling=1.0)
    eigenvalues = torch.linspace(0.75, 0.95, 4, dtype=torch.float64)
    corner = transient_growth(eigenvalues, 1.0, 80)
    assert bool((state_jacobian_singular_values(system, 80)[:, 0] >= corner * (1 - 1e-9)).all())
    # equal eigenvalues r: binomials times powers, with the peak at the last k below (D - 1) / (1 - r)
    equal = transient_growth(torch.full((4,), 0.9, dtype=torch.float64), 1.0, 80)
    assert float(equal[19]) == pytest.approx(math.comb(20, 3) * 0.9**17)
    assert int(equal.argmax()) + 1 in (29, 30)  # both: 30 (0.9) = 27


def test_singular_values_of_a_singular_matrix_are_refused():
    with pytest.raises(ValueError, match="inverse"):
        state_jacobian_singular_values(LinearSystem(torch.zeros(2, 2), torch.ones(2, 1)), 3)


@settings(deadline=None)
@given(seeds, st.floats(0.08, 2.0))
def test_lyapunov_limit_is_the_limit(seed, weight):
    shrunk = ridge_optimum(draw(seed), weight)
    # 0.985 ** 2000 is below 1e-12: the sum has converged.
    assert lyapunov_limit(shrunk) == pytest.approx(float(action_jacobian_norms(shrunk, 2000)[-1]), rel=1e-9)


def test_lyapunov_limit_of_one_dimension_by_hand():
    system = LinearSystem(torch.tensor([[0.6]]), torch.tensor([[2.0]]))
    assert lyapunov_limit(system) == pytest.approx(2.0 / math.sqrt(1 - 0.36))


def test_no_limit_for_an_expansive_system():
    with pytest.raises(ValueError, match="spectral radius must be below 1"):
        lyapunov_limit(draw(0))


def penalised_loss(model: LinearSystem, system: LinearSystem, weight: float, printed: bool) -> torch.Tensor:
    """Expectation over standard-normal states and actions, written out independently of the package."""
    D, A = system.B.shape
    error = ((model.W - system.W).pow(2).sum() + (model.B - system.B).pow(2).sum()) / D
    if printed:
        return error + weight * (model.W.sum(0).pow(2).sum() / D + model.B.sum(0).pow(2).sum() / A)
    return error + weight * (model.W.pow(2).sum() + model.B.pow(2).sum())


@pytest.mark.parametrize("printed", [False, True])
@settings(deadline=None)
@given(seeds, st.floats(0.0, 3.0), st.integers(1, 3))
def test_closed_form_optima_have_zero_gradient(printed, seed, weight, actions):
    system = draw(seed, num_actions=actions)
    optimum = (report_optimum if printed else ridge_optimum)(system, weight)
    model = LinearSystem(optimum.W.requires_grad_(True), optimum.B.requires_grad_(True))
    gradients = torch.autograd.grad(penalised_loss(model, system, weight, printed), (model.W, model.B))
    assert max(float(g.abs().max()) for g in gradients) < 1e-9


def test_the_check_value_of_the_shrunk_spectral_radius():
    assert spectral_radius(ridge_optimum(draw(0), 0.1).W) == pytest.approx(1.3 / 1.4)


@settings(deadline=None)
@given(seeds)
def test_phase_transition(seed):
    system = draw(seed)
    critical = critical_weight(system)
    assert critical == pytest.approx(0.3 / 4)
    assert spectral_radius(ridge_optimum(system, critical).W) == pytest.approx(1.0)
    assert spectral_radius(ridge_optimum(system, critical + 1e-3).W) < 1.0
    assert spectral_radius(ridge_optimum(system, critical - 1e-3).W) > 1.0


@settings(deadline=None)
@given(seeds, st.floats(0.0, 1e6))
def test_printed_penalty_leaves_an_expansive_model_at_any_weight(seed, weight):
    # (I + λ11ᵀ)⁻¹ is I on the D-1 directions orthogonal to 1, and similar to a compression of W there: interlacing
    # keeps the spectral radius at or above the second largest eigenvalue of W.
    radius = spectral_radius(report_optimum(draw(seed), weight).W)
    assert 1.1 + 0.4 / 3 - 1e-6 <= radius <= 1.3 + 1e-6


def test_relative_distance_is_the_relative_one_step_error():
    system = draw(0)
    model = ridge_optimum(system, 0.1)
    assert relative_distance(model, system) == pytest.approx(0.4 / 1.4)
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(200_000, 4, dtype=torch.float64, generator=generator)
    a = torch.randn(200_000, 1, dtype=torch.float64, generator=generator)
    measured = (model(z, a) - system(z, a)).norm() / system(z, a).norm()
    assert float(measured) == pytest.approx(0.4 / 1.4, rel=1e-6)
    printed = report_optimum(system, 0.1)
    measured = (printed(z, a) - system(z, a)).norm() / system(z, a).norm()
    assert relative_distance(printed, system) == pytest.approx(float(measured), rel=0.01)


# ---------------------------------------------------------------- condition numbers


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 200), st.integers(1, 4), st.integers(8, 40))
def test_condition_numbers_keep_their_bounds(seed, actions, horizon):
    system = draw(seed, num_actions=actions)
    assert action_condition(system, horizon) >= action_condition_bound(system, horizon) * (1 - 1e-6)
    bound = lifted_condition_bound(system, horizon)
    for T in (horizon, horizon + 7):  # the bound holds at longer horizons too
        assert lifted_condition(system, T) <= bound * (1 + 1e-6)


def test_the_condition_number_grows_by_the_ratio_of_the_extreme_eigenvalues():
    system = draw(0, num_actions=4)
    assert action_condition(system, 81) / action_condition(system, 80) == pytest.approx((1.3 / 1.1) ** 2, rel=0.02)
    assert lifted_condition(system, 80) == pytest.approx(lifted_condition(system, 40), rel=0.02)


def test_condition_of_planning_is_that_of_autograds_jacobian():
    system = draw(0)
    zeros = torch.zeros(1, 4, dtype=torch.float64)
    jacobian = rollout_jacobian(system, zeros, torch.zeros(1, 8, 1, dtype=torch.float64)).action[0].flatten(1)
    assert action_condition(system, 8) == pytest.approx(float(torch.linalg.cond(jacobian)) ** 2, rel=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LinearSystem(torch.eye(2), torch.ones(3, 1)), r"B must have shape \(2, A\), got \(3, 1\)"),
        (lambda: LinearSystem(torch.ones(2, 3), torch.ones(2, 1)), "W must have shape"),
        (lambda: draw(0, dimension=0), "dimension must be at least 1, got 0"),
        (lambda: draw(0, low=2.0), "low must be finite and at most 1.3, got 2.0"),
        (lambda: action_condition_bound(draw(0, coupling=1.0), 5), "must be symmetric"),
        (lambda: lifted_condition_bound(draw(0, low=0.9), 5), "must stretch every direction"),
        (lambda: lifted_condition_bound(draw(0), 3), "horizon must be long enough"),
        (lambda: action_jacobian(draw(0), 0), "horizon must be at least 1, got 0"),
        (lambda: ridge_optimum(draw(0), -1.0), "weight must be finite and at least 0.0, got -1.0"),
        (lambda: report_optimum(draw(0), -1.0), "weight must be finite"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
