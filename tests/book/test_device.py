"""What the set-up cell says, and that planners plan where their latents are."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from helm_book.setup_line import describe_device
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.planning.gradient import GradientPlanner
from helm_tutorial.planning.local_search import LocalSearchPlanner
from helm_tutorial.planning.search import CrossEntropyPlanner, MPPIPlanner, RandomShootingPlanner

# A GPU that is only imagined: torch's fake tensors have a device and a shape but no values, and an operation that mixes
# devices fails. They can be called "cuda" only by a build of torch for GPUs, so they are on "meta".
GPU = torch.device("meta")


def test_the_line_names_torch_and_says_that_the_cpu_is_enough():
    assert describe_device() == f"torch {torch.__version__} on the CPU: no chapter needs a GPU"


def moved(mode, tensor):
    """The tensor without its values, on the imagined GPU."""
    return mode.from_tensor(tensor.detach()).to(GPU)


def move(mode, model):
    for module in model.modules():
        module._parameters = {k: nn.Parameter(moved(mode, v)) for k, v in module._parameters.items()}
        module._buffers = {k: moved(mode, v) for k, v in module._buffers.items()}


@pytest.mark.parametrize("keeps", [False, True])
@pytest.mark.parametrize("space", [{"num_actions": 3}, {"low": [-1.0] * 3, "high": [1.0] * 3}])
@pytest.mark.parametrize(
    "kind", [GradientPlanner, LocalSearchPlanner, CrossEntropyPlanner, MPPIPlanner, RandomShootingPlanner]
)
def test_a_planner_plans_where_the_latents_are(kind, space, keeps):
    if kind is LocalSearchPlanner and "low" in space:
        return
    model, generator = WorldModel(10, 3), torch.Generator().manual_seed(0)
    left = torch.zeros(4, 4, dtype=torch.long) if "low" not in space else torch.zeros(4, 4, 3)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        move(mode, model)
        z0, goal, left = (moved(mode, part) for part in (torch.randn(4, 32), torch.randn(2, 32), left))
        short = {"steps": 3, "decode_every": 2} if kind is GradientPlanner else {}
        planner = kind(horizon=5, **space, **short)
        found = planner(model, z0, goal, generator=generator, warm_start=left if keeps else None)
        assert {found.actions.device, found.cost.device} == {GPU}
