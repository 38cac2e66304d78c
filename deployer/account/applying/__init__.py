"""What apply does.

execute    the changes of a plan, beside each other where nothing binds them
run        the state of one execution
flow       the operations of one change, each when the keys that it needs are known
keys       what is known so far
operations what each operation does; attach is the longest
lost       a create whose answer was lost
spare      File objects that nobody holds: what was sent is not sent again
holders    does somebody else hold a file that is to be deleted
journal    what this machine knows of a run that was killed
"""
