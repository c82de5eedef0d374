"""The contrastive training that made the records; the same as the core's but for rounding, and faster."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helm_study.fast.data import Data, encoded, one_step
from helm_study.fast.losses import count_pairs, info_nce_of_pairs
from helm_tutorial.models.fit import Progress, fit
from helm_tutorial.models.losses import info_nce, latent_prediction_loss, sample_positives
from helm_tutorial.models.settings import Contrastive
from helm_tutorial.models.world_model import WorldModel, one_hot_actions
from helm_tutorial.rollouts import rollout
from helm_tutorial.worlds.walks import Walkable, Walks


def train_contrastive(
    world: Walkable | Walks,
    settings: Contrastive,
    seed: int,
    *,
    encoder: nn.Module | None = None,
    progress: Progress | None = None,
) -> WorldModel:
    """What :func:`helm_tutorial.models.contrastive.train_contrastive` trains, from the same draws."""
    kind = {name: getattr(settings, name) for name in ("sphere", "goal_encoder", "rescale", "tangent")}
    data = Data(world, settings, seed, encoder=encoder, **kind)
    model, walks = data.model, data.walks
    gamma = settings.positives_gamma(walks.distinct)

    def loss() -> Tensor:
        anchors, positives = sample_positives(walks.states, settings.batch, gamma=gamma, generator=data.generator)
        s, a = data.windows(settings.batch // settings.prediction_steps, settings.prediction_steps)
        if settings.goal_encoder:
            z, i, *t = encoded(model.encode, walks, anchors, *s.unbind(dim=1))
            y, j = encoded(model.encode_goal, walks, positives)
        else:
            z, i, j, *t = encoded(model.encode, walks, anchors, positives, *s.unbind(dim=1))
            y = z
        if settings.prediction_steps == 1:
            predicted = one_step(model, z, t[0], a[:, 0])
        else:
            actions = one_hot_actions(a, model.num_actions).to(z)
            predicted = rollout(model, z.index_select(0, t[0]), actions)[:, 1:].flatten(0, 1)
        target = z.index_select(0, torch.stack(t[1:], dim=1).flatten())
        prediction = settings.prediction_weight * latent_prediction_loss(predicted, target)
        return contrast(z, y, i, j) + prediction + data.spectral(z, t[0], a[:, 0])

    def contrast(x: Tensor, y: Tensor, i: Tensor, j: Tensor) -> Tensor:
        if settings.similarity == "cosine" and not settings.sphere:
            x, y = F.normalize(x, dim=1), F.normalize(y, dim=1)
        compared = {"similarity": settings.similarity, "symmetric": settings.symmetric}
        if settings.negatives is None and max(len(x), len(y)) <= settings.batch:
            return info_nce_of_pairs(x, y, count_pairs(i, j, len(x)), settings.temperature, **compared)
        x, y = x.index_select(0, i), y.index_select(0, j)
        return info_nce(x, y, settings.temperature, negatives=settings.negatives, **compared)

    fit(model, loss, steps=data.steps(settings.updates), lr=settings.lr, decay=True, progress=progress)
    return model.eval()
