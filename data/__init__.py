"""Tables in: schemas, checks and frozen game objects."""
