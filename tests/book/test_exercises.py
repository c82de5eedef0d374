"""The checker: right answers pass, likely mistakes get the hint they deserve, and no answer is stored."""

from __future__ import annotations

import math
import re
from pathlib import Path

import nbformat
import notebooks
import pytest
import torch
import torch.nn.functional as F

from helm_book.exercises import EXERCISES, check, distances, evidence, grade
from helm_book.exercises.judging import Exercise, a_number
from helm_study import records
from helm_study.claims.card import CLAIMS
from helm_study.contrastive import lesson
from helm_study.pillars.two_pillars import HORIZONS
from helm_tutorial.cliff.descent import plan_descent
from helm_tutorial.cliff.multiple_shooting import plan_multiple_shooting
from helm_tutorial.cliff.penalties import spectral_penalty, spectral_penalty_report
from helm_tutorial.funnel.descent import descend, start_grid
from helm_tutorial.models.losses import geometric_gaps, info_nce
from helm_tutorial.planning.gradient import GradientPlanner
from helm_tutorial.rollouts import rollout
from helm_tutorial.worlds.gridworld import load_gridworld

BOOK = Path(__file__).resolve().parents[2] / "book"
SIGNS = torch.Generator().manual_seed(0)


def one_pass(model, z, a):
    return spectral_penalty(model, z.expand(64, -1), a.expand(64, -1), generator=SIGNS)


def with_momentum(step, z0, goal, T, rate, keep=0.85, steps=100):
    plan = torch.zeros(1, T, 2, dtype=z0.dtype)
    speed = torch.zeros_like(plan)
    for _ in range(steps):
        plan.requires_grad_()
        cost = (rollout(step, z0, plan)[:, -1] - goal).square().sum() / 2
        speed = keep * speed - rate * torch.autograd.grad(cost, plan)[0]
        plan = (plan + speed).detach()
    return plan


def against_others(z, w, others, tau):
    own = (z * w).sum(1, keepdim=True)
    return F.cross_entropy(torch.cat([own, z @ others.T], 1) / tau, torch.zeros(len(z), dtype=torch.long))


def geometric(count, mean, generator):
    u = torch.rand(count, generator=generator, dtype=torch.float64)
    return geometric_gaps(u, 1 - 1 / mean)


def straight(cell):
    across = [(x, 1) for x in range(1, cell[0] + 1)]
    return across + [(cell[0], y) for y in range(2, cell[1] + 1)]


def best_of_the_decoded(model, z0, goal, generator, *, T, steps=50):
    return GradientPlanner(horizon=T, num_actions=3, restarts=8, steps=steps)(
        model, z0, goal, generator=generator
    ).actions


def turned():
    world = load_gridworld("MiniGrid-Empty-8x8-v0")
    places = zip(world.positions.tolist(), world.headings.tolist(), strict=True)
    return torch.tensor([world.index(tuple(p), (h + 2) % 4) for p, h in places])


def dead_ends(looks, table, goals):
    stuck = looks[table].amin(1) >= looks
    stuck[goals] = False
    return float(stuck.sum() / (len(looks) - len(goals)))


def cheapest(model, z0, goal, T, last=False):
    plans = torch.cartesian_prod(*[torch.arange(3)] * T)
    z, costs = z0.expand(len(plans), -1), []
    for a in torch.eye(3)[plans].unbind(1):
        z = model(z, a)
        costs.append(torch.cdist(z, goal).amin(-1))
    return plans[(costs[-1] if last else sum(costs)).argmin()]


def in_order(steps):
    rows = (steps + steps.T).double() / 2
    U, S, _ = torch.linalg.svd(rows - rows.mean(0))
    return U[:, :32] * S[:32]


def plain_average(energy, sigma, a, generator, samples=32):
    noise = torch.randn(samples, *a.shape, generator=generator, dtype=a.dtype)
    return torch.stack([energy(a + sigma * part) for part in noise]).mean(dim=0)


def mirrored_average(energy, sigma, a, generator):
    noise = torch.randn(16, *a.shape, generator=generator, dtype=a.dtype)
    return torch.stack([energy(a + sigma * part) for part in torch.cat([noise, -noise])]).mean(dim=0)


def least_width(frequencies, amplitudes, radius):
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=torch.float64)] * len(amplitudes))
    signs = signs.reshape(-1, len(amplitudes))
    for step in range(20_000):
        kept = amplitudes * torch.exp(-0.5 * (1e-3 * step) ** 2 * frequencies.square().sum(1))
        if float(((signs * kept) @ frequencies).norm(dim=1).max()) <= radius:
            return 1e-3 * step
    return float("inf")


def lowest_of_grid(energy, points=80):
    grid = start_grid(points=points).double()
    best = grid[energy(grid).topk(20, largest=False).indices]
    ends = descend(energy, best, steps=300, step_size=0.01)[:, -1]
    return ends[energy(ends).argmin()]


def gradient_penalty(model, a):
    a = a.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(model(a).sum(), a, create_graph=True)
    return gradient.square().sum(1).mean()


CASES = {  # exercise -> a right answer, and wrong ones with a word of their hints
    ("spectral_cliff", 1): (
        lambda T, b: T**0.5 * b,
        [(lambda T, b: T * b, "squares add"), (lambda T, b: b, "there are T")],
    ),
    ("spectral_cliff", 2): (
        one_pass,
        [(spectral_penalty_report, "frozen"), (spectral_penalty, "goes back through the model 4 times")],
    ),
    ("spectral_cliff", 3): (
        lambda step, z0, goal, T: plan_multiple_shooting(step, z0, goal, T, num_actions=2).actions,
        [
            (lambda step, z0, goal, T: plan_descent(step, z0, goal, T, num_actions=2).actions, "of the way off"),
            (lambda step, z0, goal, T: torch.zeros(T, 2), "of shape (1, 30, 2)"),
        ],
    ),
    ("spectral_cliff", 4): (lambda r, rho: 1 - r / rho, [(lambda r, rho: 1 - 1 / rho, "asked for is any r")]),
    ("spectral_cliff", 5): (
        with_momentum,
        [
            (lambda *task: with_momentum(*task, keep=0.0), "of the way off"),
            (lambda *task: with_momentum(*task, steps=200), "imagined 200 rollouts"),
        ],
    ),
    ("mollified_funnel", 1): (
        lambda w, r: ((2 * math.log(w * w)) ** 0.5 / w, (2 * math.log(w / r)) ** 0.5 / w),
        [(lambda w, r: ((2 * math.log(w / r)) ** 0.5 / w, (2 * math.log(w * w)) ** 0.5 / w), "other order")],
    ),
    ("mollified_funnel", 2): (
        mirrored_average,
        [
            (plain_average, "cancel exactly"),
            (lambda energy, sigma, a, generator: energy(a), "the same at every call"),
            (
                lambda energy, sigma, a, generator: mirrored_average(energy, 2 * sigma, a, generator),
                "not the mollified",
            ),
            (lambda energy, sigma, a, generator: energy(a).mean(), "shape"),
        ],
    ),
    ("mollified_funnel", 3): (
        least_width,
        [
            (lambda frequencies, amplitudes, radius: 0.1, "too narrow"),
            (lambda frequencies, amplitudes, radius: 2.0, "smaller than 2 would do"),
            (lambda f, amplitudes, radius: least_width(f, amplitudes, 2 * radius), "too narrow"),
        ],
    ),
    ("mollified_funnel", 4): (
        lowest_of_grid,
        [
            (lambda energy: torch.zeros(2), "above the lowest"),
            (lambda energy: lowest_of_grid(energy, points=400), "are allowed"),
        ],
    ),
    ("mollified_funnel", 5): (
        gradient_penalty,
        [
            (lambda model, a: gradient_penalty(model, a) / 3, "coordinates add"),
            (lambda model, a: gradient_penalty(model, a).detach(), "create_graph"),
            (lambda model, a: 2 * gradient_penalty(model, a), "have not seen"),
        ],
    ),
    ("regularity_forms", 1): (0.014, [(0.5, "too large")]),
    ("regularity_forms", 2): (lambda m: m - 1, [(lambda m: 0.0, "leaves a gain above 1"), (lambda m: m, "smaller")]),
    ("regularity_forms", 3): (
        lambda x: -torch.tanh(3 * x) / math.tanh(3),
        [(lambda x: -x, "make it flatter"), (lambda x: x, "change places")],
    ),
    ("regularity_forms", 4): (
        lambda k: -k / math.cosh(k) ** 2 / math.tanh(k),
        [(lambda k: -k / math.tanh(k), "slope at 0")],
    ),
    ("stability_alone", 1): ((2**0.5, 143, 2 / 140), [((1.0, 143, 0.014), "spread"), ((2**0.5, 144, 0.5), "share")]),
    ("stability_alone", 2): (
        dead_ends,
        [
            (lambda looks, table, goals: float((looks[table].amin(1) >= looks).double().mean()), "counts the goals"),
            (lambda looks, table, goals: 0.5, "are dead ends"),
        ],
    ),
    ("stability_alone", 3): (
        cheapest,
        [
            (lambda model, z0, goal, T: torch.zeros(T).long(), "have not seen"),
            (lambda model, z0, goal, T: cheapest(model, z0, goal, T)[None], "the shape"),
            (lambda model, z0, goal, T: cheapest(model, z0, goal, T, last=True), "have not seen"),
        ],
    ),
    ("stability_alone", 4): (
        in_order,
        [(lambda steps: steps, "at most 32"), (lambda steps: in_order(steps)[:, :1], "rank correlation")],
    ),
    ("stability_alone", 5): (
        lambda c: (c**2, c, 1, 1),
        [
            (lambda c: (c, c, 1, 1), "squares"),
            (lambda c: (c**2, c, c, c), "compare"),
            (lambda c: (1, 1, 1, 1), "not right"),
        ],
    ),
    ("contrastive_fix", 1): (
        lambda g: (1 - (1 - g * g) ** 0.5) / g,
        [(lambda g: g / 2, "straight way"), (lambda g: g, "lead away"), (lambda g: 0.5, "not right")],
    ),
    ("contrastive_fix", 2): (
        against_others,
        [
            (lambda z, w, others, tau: len(z) * against_others(z, w, others, tau), "mean"),
            (lambda z, w, others, tau: against_others(z, w, others, 1.0), "temperature"),
            (lambda z, w, others, tau: against_others(z, w, torch.cat([w, others]), tau), "should be"),
            (lambda z, w, others, tau: info_nce(z, w, tau), "should be"),
            (
                lambda z, w, others, tau: F.cross_entropy(z @ torch.cat([w, others]).T / tau, torch.arange(len(z))),
                "other rows",
            ),
            (lambda z, w, others, tau: z @ others.T, "one number"),
        ],
    ),
    ("contrastive_fix", 3): (
        geometric,
        [
            (lambda n, mean, draw: geometric(n, mean, draw) - 1, "below 1"),
            (lambda n, mean, draw: geometric(n, mean + 1, draw), "on average"),
            (lambda n, mean, draw: geometric(n, mean, draw).float(), "integers"),
            (lambda n, mean, draw: torch.poisson(torch.full((n,), mean - 1), generator=draw).long() + 1, "same factor"),
        ],
    ),
    ("contrastive_fix", 4): (
        straight,
        [
            (lambda cell: [(1, 1), cell], "no neighbours"),
            (lambda cell: [(1, 1), (2, 1)], "ends in"),
            (lambda cell: straight(cell)[1:], "begins at"),
            (lambda cell: [(1, 1)] * 30 + straight(cell), "are allowed"),
        ],
    ),
    ("contrastive_fix", 5): (
        best_of_the_decoded,
        [
            (lesson.plan, "score what is decoded"),
            (lambda *given, T: best_of_the_decoded(*given, T=T, steps=200), "are allowed"),
            (lambda *given, T: best_of_the_decoded(*given, T=T)[:, :1], "shape"),
        ],
    ),
    ("directed_distance", 1): (
        turned(),
        [(torch.arange(144), "look back"), (torch.zeros(144).long(), "change their cell")],
    ),
    ("directed_distance", 4): (distances._share_with_a_shortcut, [(lambda d: 0.0, "shortcut")]),
    ("directed_distance", 5): (distances._steps_to_nearer, [(lambda looks, d: d.min(dim=1).values, "fewest steps")]),
    ("two_pillars", 1): (None, [(99, "no seed 99")]),
    ("two_pillars", 2): (None, [((None, None), "the penalty")]),
    ("two_pillars", 3): (lambda n, s, c: 1 - c - s + n, [(lambda n, s, c: 1 - c, "without alignment")]),
    ("gradient_rivals", 1): (
        lambda a, c: math.ceil(math.log(1 - c) / math.log(1 - 0.5 / a)),
        [(lambda a, c: math.ceil(math.log(1 - c) / math.log(1 - 1 / a)), "half")],
    ),
    ("gradient_rivals", 2): (120, [(440, "too large"), (24, "too small")]),
    ("gradient_rivals", 3): (
        lambda slope, plan: divmod(int((slope - slope.gather(1, plan[:, None])).argmin()), slope.shape[1]),
        [
            (lambda slope, plan: divmod(int(slope.argmin()), slope.shape[1]), "takes away"),
            (lambda slope, plan: (0, int(plan[0])), "already"),
            (lambda slope, plan: (0, (int(plan[0]) + 1) % 4), "another by less"),
        ],
    ),
    ("report_card", 1): (evidence._sufficient, [(lambda line: "holds", "the rule of the card says")]),
    ("report_card", 2): (None, [("holds", "Claim"), (CLAIMS[-1], "plain planner")]),
    ("report_card", 3): (3.45, [((10 / 3) ** 0.5, "quantile"), (1.0, "too small")]),
}


SIGNLESS = {("stability_alone", 4)}  # latents mirrored at the origin have the same distances


def right_answer(name):
    if name == ("two_pillars", 1):
        record = records.load("pillars")
        shares = record["metrics"]["success_contrastive_T50_plain"]["values"]
        return record["seeds"][shares.index(min(shares))]
    if name == ("two_pillars", 2):
        return evidence._first_horizon("contrastive"), evidence._first_horizon("spectral")
    return CASES[name][0]


@pytest.mark.parametrize("name", CASES, ids=str)
def test_an_answer_is_judged(name):
    right, wrong = right_answer(name), CASES[name][1]
    if right is not None:
        assert check(*name, right).right, str(check(*name, right))
        assert str(check(*name, right)) == f"exercise {name[1]}: right"
    turned = (lambda *given: -right(*given)) if callable(right) else -right if isinstance(right, float | int) else None
    assert name in SIGNLESS or not check(*name, turned).right, "the sign does not count"
    for answer, word in wrong:
        feedback = check(*name, answer)
        assert not feedback.right and word in feedback.hint, feedback


def test_each_of_two_horizons_is_judged():
    penalty, alignment = right_answer(("two_pillars", 2))
    wrong = next(T for T in HORIZONS if T not in (penalty, alignment))
    assert "the penalty" in check("two_pillars", 2, (wrong, alignment)).hint
    assert "alignment" in check("two_pillars", 2, (penalty, wrong)).hint


def test_every_exercise_is_tried_here_and_says_what_it_asks_for():
    assert {(exercise.chapter, exercise.number) for exercise in EXERCISES} == set(CASES)
    assert len(EXERCISES) == len(CASES)
    assert all(exercise.asks for exercise in EXERCISES)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"{e.chapter} {e.number}")
def test_nonsense_is_not_right_and_raises_nothing(exercise):
    for nonsense in (None, "a guess", object(), lambda: None, lambda *_: None, [], float("nan")):
        assert not check(exercise.chapter, exercise.number, nonsense).right


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"{e.chapter} {e.number}")
def test_the_chapter_asks_for_what_is_checked_and_its_own_solution_passes(exercise):
    cells = nbformat.read(BOOK / f"{exercise.chapter}.ipynb", 4).cells
    asked = [cell.source for cell in cells if re.search(rf"^\*\*{exercise.number}\. ", cell.source, re.MULTILINE)]
    assert len(asked) == 1 and "*Hand in*" in asked[0] and "<summary>Hint</summary>" in asked[0]
    call = rf'check\(\s*"{exercise.chapter}",\s*{exercise.number},\s'
    solved = [cell for cell in cells if cell.cell_type == "code" and re.search(call, cell.source)]
    assert len(solved) == 1
    assert "nbval-check-output" in solved[0].metadata.tags or "# NBVAL_CHECK_OUTPUT" in solved[0].source
    assert f"exercise {exercise.number}: right" in str(solved[0].outputs)


@pytest.mark.parametrize("chapter", sorted(path.stem for path in notebooks.chapters()))
def test_a_chapter_has_four_to_six_exercises_each_with_a_solution_or_a_hint(chapter):
    text = "\n".join(
        cell.source for cell in nbformat.read(BOOK / f"{chapter}.ipynb", 4).cells if cell.cell_type != "code"
    )
    exercises = text.split("## Exercises", 1)[1].split("## Further reading")[0]
    numbers = [int(n) for n in re.findall(r"^\*\*(\d)\. ", exercises, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1)) and 4 <= len(numbers) <= 6
    parts = re.split(r"^\*\*\d\. ", exercises, flags=re.MULTILINE)[1:]
    assert all("<details>" in part for part in parts), "an exercise has neither hint nor answer"


def test_grading_goes_through_all_answers_in_order():
    given = grade({("contrastive_fix", 4): straight, ("spectral_cliff", 1): lambda T, b: b})
    assert [(feedback.chapter, feedback.number, feedback.right) for feedback in given] == [
        ("contrastive_fix", 4, True),
        ("spectral_cliff", 1, False),
    ]


def test_a_course_can_add_its_own_exercises():
    own = (Exercise("week 1", 1, "a number", a_number(lambda: 2.0)),)
    assert check("week 1", 1, 2, exercises=own).right
    with pytest.raises(ValueError, match="number must be one of"):
        check("week 1", 2, 2, exercises=own)
    with pytest.raises(ValueError, match="number must be at least 1, got 0"):
        Exercise("week 1", 0, "a number", a_number(lambda: 2.0))


def test_an_unknown_exercise_is_refused_with_what_there_is():
    with pytest.raises(ValueError, match=r"no exercise 9 of 'spectral_cliff' .* one of \[1, 2, 3, 4, 5\]"):
        check("spectral_cliff", 9, 1)
    with pytest.raises(ValueError, match="chapter must be one of contrastive_fix"):
        check("chapter one", 1, 1)


def test_the_teachers_page_counts_the_exercises():
    notebooks = [nbformat.read(path, as_version=4) for path in sorted(BOOK.glob("*.ipynb"))]
    cells = [cell.source for notebook in notebooks for cell in notebook.cells if cell.cell_type == "markdown"]
    asked = sum(len(re.findall(r"^\*\*\d\. ", source, re.MULTILINE)) for source in cells)
    assert f"Of the {asked} exercises {len(EXERCISES)} can be handed in" in (BOOK / "teaching.md").read_text("utf-8")
