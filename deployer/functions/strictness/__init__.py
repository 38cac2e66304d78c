"""Make a function strict without changing what it means."""
