"""Chapter 2: experiment 2, its networks taken apart, derived schedules, and the exact optimum on a box."""
