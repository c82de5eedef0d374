"""Chapter 1 and 8: linear systems, penalties and planning on real numbers."""
