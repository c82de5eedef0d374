"""Studies of chapter 6."""
