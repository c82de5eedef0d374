"""Walks: from any observations, and the pieces of them that a batch holds."""

import pytest
import torch

from helm_tutorial.worlds.walks import Walks, walks_in


def some(**options) -> Walks:
    """Two walks on a line of five places, seen as two numbers each."""
    places = torch.tensor([[0, 1, 2, 1], [4, 3, 4, 3]])
    seen = torch.stack([places.float(), -2.0 * places], dim=-1)
    return Walks.from_observations(seen, torch.tensor([[1, 1, 0], [0, 1, 0]]), num_actions=2, **options)


def test_equal_observations_become_one_state():
    walks = some()
    assert walks.num_states == walks.distinct == 5 and walks.features.shape == (5, 2)
    assert walks.features[walks.states][..., 0].tolist() == [[0, 1, 2, 1], [4, 3, 4, 3]]
    assert some(distinct=3).distinct == 3
    assert walks_in(walks, 7, 7, generator=torch.Generator()) is walks


def test_windows_are_all_pieces_of_walks_from_end_to_end():
    walks = some()
    pieces = {tuple(walk[t : t + 3].tolist()) for walk in walks.states for t in range(2)}
    states, actions = walks.windows(200, 2, generator=torch.Generator().manual_seed(0))
    assert states.shape == (200, 3) and actions.shape == (200, 2)
    assert {tuple(piece.tolist()) for piece in states} == pieces
    assert torch.equal(walks.features[states][..., 0].diff(dim=1) > 0, actions == 1)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda w: w.windows(3, 4, generator=torch.Generator()), "steps must be between 1 and 3, got 4"),
        (lambda w: w.windows(0, 1, generator=torch.Generator()), "count must be at least 1, got 0"),
        (lambda w: Walks(w.features, w.states, w.actions[:, 1:], 2, 5), r"actions must have shape \(2, 3\), got"),
        (lambda w: Walks(w.features, w.states, w.actions, 0, 5), "num_actions must be at least 1, got 0"),
        (lambda w: Walks(w.features, w.states, w.actions + 1, 2, 5), "actions must be int64 indices from 0 to 1, got"),
        (
            lambda w: Walks(w.features, w.states, w.actions.int(), 2, 5),
            "actions must be int64 indices .* got torch.int32",
        ),
        (lambda w: Walks(w.features[:1], w.states, w.actions, 2, 5), "states must be int64 indices from 0 to 0, got"),
        (lambda w: Walks(w.features, w.states, w.actions, 2, 0), "distinct must be at least 1, got 0"),
        (
            lambda w: Walks.from_observations(w.features[w.states], w.states, num_actions=2),
            r"observations must have shape \(2, 5, ...\), one more than there are actions, got \(2, 4, 2\)",
        ),
    ],
)
def test_what_does_not_fit_is_named(make, named):
    with pytest.raises(ValueError, match=named):
        make(some())
