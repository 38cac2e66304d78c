"""What commands share: an open account with its manifest, and the way from a plan to its proof.

session     compile the manifest, open the account, make the plan
saved       a plan in a file
safety      the lease, and a snapshot of what is about to change
consent     questions
applying    show a plan, ask, do it, and plan again to prove it
"""
