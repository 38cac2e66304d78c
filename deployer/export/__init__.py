"""From live objects to a manifest: what is written, and under which names. Reads and writes nothing itself.

choice      which objects are written, and under which addresses
places      where documents go
items       one object: what of it is declared
folder      the text files beside the manifest
values      an item as the value that a manifest holds
text        the manifest's YAML
check       does the manifest, read again, say what is live
"""
