"""Chapter 1: experiment 1, the planners that it compares, and their tasks."""
