"""The program that sends notices (`python -m daemon.notice_sender`), one for each notifier that has something to send:
Apprise lives here and never in mynad, so that a service that hangs, or a library that leaks, costs mynad nothing.

It outlives a mynad that is killed for as long as the message takes that it is sending, and writes down what became of
it (`ledger`), so that the next mynad need not send it again (docs/notices.md).
"""
