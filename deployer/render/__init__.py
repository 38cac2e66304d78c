"""Plans and outcomes for people and programs. Colour exists only here, and only on a terminal.

words, passages, structure     what changed inside a line, a longer text, a JSON value (matching: of any sequence)
values, segments               single values in words; signed lines of toned segments
fields, prose, documents       the lines of a changed field, text, or set of files
lines                          a plan, or its drift, as such lines: what text and Markdown share
text, markdown                 those lines on a terminal, in a pull request
data                           the plan as JSON; outputs as JSON, environment lines or text
tally, progress                how far an apply is, and how that is shown
"""
