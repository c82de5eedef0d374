"""Studies of chapter 7."""
