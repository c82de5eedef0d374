"""Tables of chapter 4: what contrast buys, model by model."""

from __future__ import annotations

from collections.abc import Mapping

from IPython.display import Markdown

from helm_study.words import formatted

MEASURES = {
    "success_{}": ("arrives", ".0%"),
    "success_search_{}": ("random plans", ".0%"),
    "metric_correlation_{}": ("order", ".2f"),
    "greedy_accuracy_{}": ("direction", ".0%"),
    "prediction_accuracy_{}": ("one step", ".0%"),
    "rollout_accuracy_{}_T12": ("twelve steps", ".0%"),
}
"""Name of a metric, with the model's to fill in -> its column, and how it is written."""

MODELS = {
    "contrast, as written out here": ("exp4", "lesson"),
    "contrast, the package's": ("exp4", "one_encoder"),
    "one step ahead (printed loss), $\\tau = 0.1$": ("exp4", "printed_loss"),
    "one step ahead (printed loss), $\\tau = 0.05$": ("exp4", "printed_loss_cold"),
    "reconstruction, cells": ("exp3", "reconstruction"),
    "reconstruction, rows and columns": ("exp3", "reconstruction_profiles"),
    "latent prediction, cells": ("exp3", "latent_prediction"),
    "latent prediction, rows and columns": ("exp3", "latent_prediction_profiles"),
}
"""Row of the table -> record, and the model's name in it."""


def fair_table(exp3: Mapping, exp4: Mapping) -> Markdown:
    """Table of order, direction, predictions and success, one row a model, the best of each column in bold.

    Args:
        exp3: the record of experiment 3, with the models without contrast.
        exp4: the record of experiment 4, with the contrastive ones.
    """
    metrics = {"exp3": exp3["metrics"], "exp4": exp4["metrics"]}
    rows = {
        words: [metrics[record].get(measure.format(name)) for measure in MEASURES]
        for words, (record, name) in MODELS.items()
    }
    styles = [style for _, style in MEASURES.values()]
    best = [
        _short(max((row[k] for row in rows.values() if row[k]), key=_mean), style) for k, style in enumerate(styles)
    ]
    lines = [
        f"| {words} | " + " | ".join(_written(*cell) for cell in zip(row, styles, best, strict=True)) + " |"
        for words, row in rows.items()
    ]
    head = "| | " + " | ".join(column for column, _ in MEASURES.values()) + " |\n|---|" + "---|" * len(MEASURES)
    some = len(exp3["starts"]["some"]) if "some" in exp3.get("starts", {}) else 0
    note = (
        f"\n\n*Mean over {len(exp4['seeds'])} training seeds, best values in bold. Models on rows and columns "
        f"plan from {some} starts, drawn by a seeded permutation, all others from all 140. **Arrives**: the planner "
        "by gradient, twelve steps ahead, replanning (the first row has the planner of this chapter, the others the "
        "package's). **Random plans**: as many imagined plans, without a gradient, the best carried out; a dash: not "
        "run. **Order**: rank correlation of latent distance with steps. **Direction**: how often the action whose "
        "true next state looks nearest to the goal is on a shortest path. **One step**, **twelve steps**: "
        "share of imagined states that are the right one.*"
    )
    return Markdown(head + "\n" + "\n".join(lines) + note)


FAR = {
    "contrast": ("success_lesson_T3", "success_contrastive_empty16", "success_contrastive_four_rooms"),
    "reconstruction, cells": ("success_reconstruction_T3", None, None),
    "reconstruction, rows and columns": (
        "success_reconstruction_profiles_T3",
        "success_reconstruction_empty16",
        "success_reconstruction_four_rooms",
    ),
    "latent prediction, rows and columns": ("success_latent_prediction_profiles_T3", None, None),
    "chapter 3's exact and tame model": ("success_tame_exact_T3", "success_larger_room_T12", None),
    "the same, random plans": ("success_search_tame_exact_T3", "success_search_larger_room_T12", None),
}
"""Row of the second table -> metrics of three imagined steps, of Empty-16x16 and of FourRooms."""


def far_table(exp3: Mapping, exp4: Mapping, worlds: Mapping) -> Markdown:
    """Table of success where the goal is beyond the horizon from most starts, the best of each column in bold.

    Args:
        exp3: the record of experiment 3.
        exp4: the record of experiment 4.
        worlds: the record of the larger rooms.
    """
    metrics = {**worlds["metrics"], **exp4["metrics"], **exp3["metrics"]}
    rows = {words: [metrics.get(name) for name in names] for words, names in FAR.items()}
    best = [
        _short(max((row[k] for row in rows.values() if row[k]), key=_mean), ".0%") for k in range(len(FAR["contrast"]))
    ]
    lines = [
        f"| {words} | " + " | ".join(_written(cell, ".0%", top) for cell, top in zip(row, best, strict=True)) + " |"
        for words, row in rows.items()
    ]
    head = "| starts that arrive | three steps imagined | Empty-16x16 | FourRooms |\n|---|---|---|---|\n"
    note = (
        f"\n\n*Mean over {len(exp4['seeds'])} training seeds ({len(worlds['seeds'])} for contrast and reconstruction "
        "in the larger rooms, where contrast has the form of chapter 5), best values in bold; a dash: not run. In the "
        "larger rooms plans have twelve steps. All rows plan by gradient but the last. Chapter 3's exact and "
        "tame model is reconstruction on "
        "rows and columns with the penalty.*"
    )
    return Markdown(head + "\n".join(lines) + note)


def _mean(metric: Mapping) -> float:
    return metric["mean"]


def _short(metric: Mapping, style: str) -> str:
    """The mean alone; a share that is not 0 or 1 does not read as if it were."""
    words = formatted(metric["mean"], style)
    if words not in ("0 %", "100 %") or metric["mean"] in (0, 1):
        return words
    words = formatted(metric["mean"], ".1%")
    return formatted(metric["mean"], ".2%") if words in ("0.0 %", "100.0 %") else words


def _written(metric: Mapping | None, style: str, best: str) -> str:
    if metric is None:
        return "–"
    words = _short(metric, style)
    return f"**{words}**" if words == best else words
