"""Studies of chapter 4."""
