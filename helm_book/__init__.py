"""The book's house: figures, explorers and exercises."""
