"""Gradient-based planning in learned latent spaces; begin with ``rollout``, ``jacobian``, ``plans`` and ``planning``.

A world model is anything callable as ``z_next = model(z, a)``. Everything here differentiates a
rollout of such a model, or explains what happens when one does.

The commonest dimension letters, the same in every docstring, comment and error message:

====== ==========================================
letter meaning
====== ==========================================
``B``  batch of states
``S``  samples or restarts
``T``  horizon, the number of steps of a rollout
``D``  latent (or state) dimension
``A``  actions: how many, or their dimension
``N``  data set
====== ==========================================

Randomness comes in through a ``torch.Generator`` or a seed argument; nothing here sets a global
seed and nothing prints. The same seed on the same machine gives the same bits.
"""

__version__ = "0.1.0"
