"""Studies of chapter 5."""
