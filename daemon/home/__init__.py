"""The home folder beyond its database: whose a folder is (`identity`), what was ever taken (`journal`), a database that
is lost (`lost`), what lies here without a row (`survey`), and taking that in (`adopt`).

Belongs here: what keeps files and rows from being taken for one another's. Does not: the files' contents, which the
kinds of jobs know.
"""
