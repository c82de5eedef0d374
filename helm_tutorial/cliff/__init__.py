"""Linear systems, Jacobian penalties and real-valued plans: chapters 1 and 8."""
