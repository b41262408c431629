"""Notices: telling people of what happens here when they are not looking (docs/notices.md).

An *occasion* is an event of the kind that notifiers may tell of (`daemon.state.occasions`). A *notifier* is a place
that people are told in, a table `[[notify]]` of myna.toml; it reads events by a cursor of its own (`outbox`), and each
occasion that it is to tell of becomes a *notice*, a row. What may be sent now (`times`) becomes a *message* of one
notice or more, whose words are made last (`words`), and goes to a program of its own (`daemon.notice_sender`) that
knows Apprise, which mynad does not load. `watching` sees what nobody else emits: a full disk, a training that takes
long.
"""
