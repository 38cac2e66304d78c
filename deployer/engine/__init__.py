"""The reconciler, pure: desired resources and live objects in, a plan out.

The life of one resource, in the order of the functions that it passes:

    kinds.express      desired attrs as the surface can hold them (what it cannot is a warning)
    kinds.canonical    live attrs in the same form; ids of owned objects become addresses
    stamp.read         who owns the object, and a digest of each field as last applied
    diff.compare       field changes, each with who moved it: the manifest, the account or both
    files.compare      file changes of a vector store, by path and sha256
    plan.build         one change for each address: action, reason and the very requests that will be sent
    order.arrange      what is referred to comes first; deletes come last, the other way round
    guard.check        is the plan safe to apply
"""
