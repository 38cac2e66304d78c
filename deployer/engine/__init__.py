"""The reconciler, pure: desired resources and live objects in, a plan out.

The life of one resource, in the order of the functions that it passes:

    kinds.express         desired attrs as the surface can hold them (what it cannot is a warning)
    kinds.canonical       live attrs in the same form; ids of owned objects become addresses
    stamp.of              who owns the object, and a digest of each field as last applied
    diff.compare          field changes, each with who moved it: the manifest, the account or both
    documents.compare     file changes of a store, by path and sha256; held_files.compare those of an assistant
    decide.desired        one draft for each address: action, reason, and the body of a write
    plan.arrange          what is referred to comes first; deletes come last, the other way round
    uploads.Supply        where the bytes of each file come from, over all changes
    plan.with_operations  the very operations that will be executed
    guard.check           is the plan safe to apply
"""
