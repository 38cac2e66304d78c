"""One verb, one file: parse, call, render, exit code. `options` and `session` are what they share."""
