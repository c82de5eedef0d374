"""Worlds: their observations, transitions, random walks and episodes."""
