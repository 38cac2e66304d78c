"""What is measured, each with the bar that it must reach. `python -m benchmarks` runs all of them in turn."""
