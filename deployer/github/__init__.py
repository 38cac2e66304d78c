"""A GitHub job: the plan as a comment on a pull request, what was reviewed applied after the merge, drift as an issue.

job     what GitHub tells a job, and where the job answers: outputs, summary, annotations
api     comments, issues and pull requests, by GitHub's REST API
mark    the hidden first line of a comment or an issue: whose it is, which plan it shows, whether it was edited
review  plan, comment, apply and drift, as the action runs them
"""
