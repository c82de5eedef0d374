"""The report's experiments, one module each, run by :mod:`helm_study.reproduce`."""
