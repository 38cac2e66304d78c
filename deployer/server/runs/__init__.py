"""Turns: what a model is asked, the loop that plays it, the worker that sees to its end, and what can answer."""
