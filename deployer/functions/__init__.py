"""Function schemas, pure: what is wrong with one, what a change of one means, and where they come from.

rules              the table of rules: what each says, where it applies; and what a rule has to say
check              every rule on a definition or a response format (checks/)
compatibility      what a change means for the application behind a function
strictness         a function made strict without changing what it means
python             definitions from typed Python callables
tree, values       schemas as trees, followed through `$ref`; JSON values
"""
