"""World models, their losses and their training."""
