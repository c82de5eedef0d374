"""Worlds to walk in: what can be observed, and what each action does."""
