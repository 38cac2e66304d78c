"""Definitions from typed Python callables, and whether both agree."""
