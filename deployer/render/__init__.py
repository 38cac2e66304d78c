"""Plans and outcomes for people and programs. Colour exists only here, and only on a terminal.

words, structure   what changed inside a text, inside a JSON value
lines              a plan as lines of signed segments: the one description that text and Markdown share
text, markdown     those lines on a terminal, in a pull request
data               the plan as JSON; outputs as JSON, environment lines or text
progress           what happens during apply
"""
