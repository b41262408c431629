"""The SQLite database: the rows (`models`, `*_rows`; every table: `schema`), their history (`migrations`), and
transactions on them (`store`).

Belongs here: what is true of any row. Does not: what a change of a row means (`daemon.state`).
"""
