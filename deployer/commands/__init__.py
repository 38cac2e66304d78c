"""The verbs of the command line, one file each: options → project → render → exit code.

What they share: `options` (a project and how it is chosen), `verbs` (a group that loads each when it is asked for),
`carry_out` (show a plan, ask, and say how the run ended).
"""
