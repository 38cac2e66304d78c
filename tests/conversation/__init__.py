"""Talking to what is deployed."""
