"""Chapter 2: rugged energies, descent on them, and two ways to smooth them."""
