"""From YAML to desired resources, with every problem at once, each at its place; and from live objects back to YAML.

document    one file and the positions in it (yaml12 reads YAML and JSON)
load        the file and its includes → entries that know where they stand; renamed addresses (`moved:`)
accounts    which account, and its secrets from the environment
variables   ${var.…} replaced
schema      every document against schemas/manifest.schema.json, which is put together from fragments
sections    the table: section → kind, schema fragment, how it is compiled and written
resources   an entry → Resource: files read, references checked (functions, handlers, knowledge)
knowledge   documents found by glob or URL (globs)
compile     all of it, in order
digests     the sha256 of documents, only when they are needed
edit        changed data into a file, whose other text stays
"""

from __future__ import annotations

from deployer.manifest.compile import VERSION, Checked, Manifest, check_manifest, compile_manifest
from deployer.manifest.digests import differs_in_line_ends, digest
from deployer.manifest.leaks import leaking

__all__ = [
    "VERSION",
    "Checked",
    "Manifest",
    "check_manifest",
    "compile_manifest",
    "differs_in_line_ends",
    "digest",
    "leaking",
]
