"""Studies of chapter 1."""
