"""Planners, plans and episodes."""
