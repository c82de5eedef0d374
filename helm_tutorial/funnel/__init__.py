"""Chapter 2: rugged energies, descent and mollification."""
