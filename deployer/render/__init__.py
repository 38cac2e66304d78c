"""Plans, drift, outcomes and problems for people and programs. Colour exists only here, and only on a terminal.

formats              the table: what is shown, in which format, by which function
lines                text made harmless, in segments with a tone, in signed lines
textdiff             the difference of two texts, by rows and by words
fields, documents    the lines of changed fields, and of changed files
preview              a plan, or its drift, as such lines: what text and Markdown share
text, markdown       those lines on a terminal, in a pull request
html                 a plan as one file for a browser, with nothing left out
data, problems       for programs: JSON and environment lines; problems as text, SARIF, annotations, JUnit
progress             how far an apply is, and how that is shown
output               standard streams, and what happens when they fail
"""
