"""Chapters 1 and 8: linear systems, penalties on the Jacobian, and planners of real-valued actions."""
