"""The way back from an apply: snapshots of what a run changes, and the plan that restores them.

snapshot    what is live before a run changes it, as data
history     what a chain of snapshots says together
restore     the plan that leads back
store       where snapshots are kept
sources     where the contents of documents can be had
"""
