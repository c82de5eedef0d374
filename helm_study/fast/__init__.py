"""The trainings that made the records: the core's recipes, made several times faster."""
