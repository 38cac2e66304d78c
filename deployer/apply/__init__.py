"""Executing a plan: its operations as a flow, with what is looked at before a write and after a lost answer.

execute       the changes of a plan, beside each other where nothing binds them
operations    what each operation does
precondition  compare, then set
recover       a create whose answer was lost
kept          whether the account keeps the stamp, and lists what it made
lag           waiting until a list shows what was written
execution     the state of one execution
flow          the operations of one change, each when the keys that it needs are known
reuse         File objects that are there already: what was sent is not sent again
usage         who uses a store and holds a file, whosever it is
journal       what this machine knows of a run that was killed
"""
