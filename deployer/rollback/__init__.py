"""Undo what a run did: snapshots of what it changes, and the plan that restores them.

snapshot    what a plan is about to change, as data
history     what a chain of snapshots says together, and where it all is now
restore     the plan that restores them
store       where snapshots are kept
sources     where the contents of documents can be had
"""
