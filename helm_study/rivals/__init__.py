"""Studies of chapter 8."""
