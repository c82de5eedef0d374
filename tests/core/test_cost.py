"""What plans cost."""

import pytest
import torch

from helm_tutorial.planning.cost import closest_approach, final_distance, mean_distance


def test_cost_takes_the_nearest_goal_and_has_a_gradient_at_it():
    latents = torch.tensor([[[0.0, 0.0], [3.0, 4.0]]], requires_grad=True)
    goal = torch.tensor([[0.0, 0.0], [3.0, 3.0]])
    cost = mean_distance(latents, goal)
    assert cost.item() == pytest.approx(0.5, abs=1e-5)
    assert final_distance(latents, goal).item() == pytest.approx(1.0, abs=1e-5)
    cost.sum().backward()
    assert bool(latents.grad.isfinite().all())


def test_closest_is_the_mean_of_the_smallest_distances_so_far():
    goal = torch.tensor([[0.0, 0.0], [10.0, 0.0]])
    latents = torch.tensor([[3.0, 0.0], [0.0, 1.0], [2.0, 0.0], [9.5, 0.0], [7.0, 0.0]])  # distances 3 1 2 0.5 3
    assert closest_approach(latents, goal).item() == pytest.approx((3 + 1 + 1 + 0.5 + 0.5) / 5, abs=1e-5)
    assert mean_distance(latents, goal).item() == pytest.approx((3 + 1 + 2 + 0.5 + 3) / 5, abs=1e-5)


def test_closest_has_no_gradient_beyond_the_closest_approach():
    latents = torch.tensor([[3.0], [1.0], [2.0], [5.0]], dtype=torch.float64, requires_grad=True)
    closest_approach(latents, torch.zeros(1, 1, dtype=torch.float64)).backward()
    # Distances so far 3 1 1 1, all of slope 1: the second latent counts three times of four.
    assert latents.grad[:, 0].tolist() == pytest.approx([0.25, 0.75, 0.0, 0.0])
