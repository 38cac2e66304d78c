"""Conversation tests: what is said, what is expected, and what came of it. In the words of Promptfoo.

promptfoo    a configuration as Promptfoo reads it → tests
combining    a test with what it stands in → cases: its vars, prompts and addresses
reading      assertions, turns and calls as they stand in YAML → values, with every problem at its place
template     `{{name}}` in values
cases        a test as a value
assertions   the table of assertions, with what is wrong with a value
judges       what each makes of a conversation
observation  what a conversation showed: answers, calls, steps, sources, times
rehearsal    what a model said → what a test rehearses
verdict      what came of the tests, and what no test touches

All of it is pure but for the files that the first three read.
"""
