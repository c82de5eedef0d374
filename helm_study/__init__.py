"""The studies of the book, run by :mod:`helm_study.reproduce`."""
