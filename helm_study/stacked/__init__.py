"""Many models trained at once, with gradients written by hand."""
