"""Planning by gradient in learned latent spaces: world models and planners.

A world model is anything that can be called as ``z_next = model(z, a)``: a trained network, a linear system, a
simulator written in torch. The names below work on all of them, and each is loaded when it is first used.

*The report* is the unpublished paper that the book tests, and HELM is its method; see the book's introduction.

Docstrings, comments and error messages use the same letters for dimensions:

====== ============================================
letter meaning
====== ============================================
``B``  states in a batch
``S``  samples, or restarts of a planner
``T``  horizon: the number of steps of a rollout
``D``  dimension of a latent (or of a state)
``A``  discrete actions, or dimension of an action
``N``  items in a data set
====== ============================================

Functions draw random numbers only from a ``torch.Generator`` or a seed that they are given. The same seed gives the
same bits on the same machine. No function sets a global seed or prints.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.2.0"

_FACE = {
    "rollouts": "rollout",
    "jacobian": "rollout_jacobian step_jacobian",
    "cliff.penalties": "spectral_penalty",
    "models.regularity": "regularity_loss bounded_gradient",
    "funnel.descent": "descend",
    "funnel.landscape": "mollify",
    "funnel.invariance": "invariance_loss",
    "worlds.gridworld": "load_gridworld Gridworld",
    "worlds.walks": "Walks",
    "models.world_model": "WorldModel",
    "models.losses": "info_nce",
    "models.settings": "Contrastive Reconstruction LatentPrediction VarianceCovariance",
    "models.contrastive": "train_contrastive",
    "models.baselines": "train_reconstruction train_latent_prediction train_variance_covariance",
    "planning.plan": "Plan",
    "planning.gradient": "GradientPlanner",
    "planning.search": "CrossEntropyPlanner MPPIPlanner",
    "planning.local_search": "LocalSearchPlanner",
    "planning.episodes": "run_episodes",
    "cliff.multiple_shooting": "plan_multiple_shooting",
    "cliff.lqr": "lqr_gain",
    "diagnosis": "metric_correlation",
}
_MODULES = {name: f"{__name__}.{module}" for module, names in _FACE.items() for name in names.split()}
__all__ = list(_MODULES)

if TYPE_CHECKING:  # the same table again, in a form that type checkers and editors can read
    from helm_tutorial.cliff.lqr import lqr_gain as lqr_gain
    from helm_tutorial.cliff.multiple_shooting import plan_multiple_shooting as plan_multiple_shooting
    from helm_tutorial.cliff.penalties import spectral_penalty as spectral_penalty
    from helm_tutorial.diagnosis import metric_correlation as metric_correlation
    from helm_tutorial.funnel.descent import descend as descend
    from helm_tutorial.funnel.invariance import invariance_loss as invariance_loss
    from helm_tutorial.funnel.landscape import mollify as mollify
    from helm_tutorial.jacobian import rollout_jacobian as rollout_jacobian
    from helm_tutorial.jacobian import step_jacobian as step_jacobian
    from helm_tutorial.models.baselines import train_latent_prediction as train_latent_prediction
    from helm_tutorial.models.baselines import train_reconstruction as train_reconstruction
    from helm_tutorial.models.baselines import train_variance_covariance as train_variance_covariance
    from helm_tutorial.models.contrastive import train_contrastive as train_contrastive
    from helm_tutorial.models.losses import info_nce as info_nce
    from helm_tutorial.models.regularity import bounded_gradient as bounded_gradient
    from helm_tutorial.models.regularity import regularity_loss as regularity_loss
    from helm_tutorial.models.settings import Contrastive as Contrastive
    from helm_tutorial.models.settings import LatentPrediction as LatentPrediction
    from helm_tutorial.models.settings import Reconstruction as Reconstruction
    from helm_tutorial.models.settings import VarianceCovariance as VarianceCovariance
    from helm_tutorial.models.world_model import WorldModel as WorldModel
    from helm_tutorial.planning.episodes import run_episodes as run_episodes
    from helm_tutorial.planning.gradient import GradientPlanner as GradientPlanner
    from helm_tutorial.planning.local_search import LocalSearchPlanner as LocalSearchPlanner
    from helm_tutorial.planning.plan import Plan as Plan
    from helm_tutorial.planning.search import CrossEntropyPlanner as CrossEntropyPlanner
    from helm_tutorial.planning.search import MPPIPlanner as MPPIPlanner
    from helm_tutorial.rollouts import rollout as rollout
    from helm_tutorial.worlds.gridworld import Gridworld as Gridworld
    from helm_tutorial.worlds.gridworld import load_gridworld as load_gridworld
    from helm_tutorial.worlds.walks import Walks as Walks
else:

    def __getattr__(name: str):
        """Load a public name when it is first used."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value = getattr(import_module(_MODULES[name]), name)
        return value


def __dir__() -> list[str]:
    """List the public names."""
    return [*__all__, "__version__"]
