"""Rules of function schemas: validity, strict subset, compatibility, Python callables. Pure: no I/O, no clock."""
