"""What the set-up cell says, and that planners plan where their latents are."""

from __future__ import annotations

from inspect import signature

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from helm_book.setup_line import describe_device
from helm_tutorial.models.world_model import WorldModel
from helm_tutorial.planning.gradient import plan_gradient
from helm_tutorial.planning.local_search import plan_local_search
from helm_tutorial.planning.search import plan_cross_entropy, plan_path_integral, plan_random_shooting

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
@pytest.mark.parametrize(
    "plan", [plan_gradient, plan_local_search, plan_cross_entropy, plan_path_integral, plan_random_shooting]
)
def test_a_planner_plans_where_the_latents_are(plan, keeps):
    model, generator = WorldModel(10, 3), torch.Generator().manual_seed(0)
    kept = {"kept": torch.zeros(4, 4, dtype=torch.long)} if keeps and "kept" in signature(plan).parameters else {}
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        move(mode, model)
        z0, goal = moved(mode, torch.randn(4, 32)), moved(mode, torch.randn(2, 32))
        kept = {name: moved(mode, actions) for name, actions in kept.items()}
        short = {"steps": 3, "decode_every": 2} if plan is plan_gradient else {}
        found = plan(model, z0, goal, 5, actions=3, generator=generator, **short, **kept)
        assert {found.actions.device, found.cost.device} == {GPU}
