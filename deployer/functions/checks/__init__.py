"""What is wrong with a definition or a schema, rule by rule."""
