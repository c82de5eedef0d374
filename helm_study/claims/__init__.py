"""The claims of the report and how each is judged."""
