"""The thin client: one method an RPC, messages of `myna.proto` in and out, errors as plain sentences.

    >>> from proto.client import connect
    >>> with connect() as myna:                                    # the daemon of MYNA_HOME, over its Unix socket
    ...     for voice in myna.voices():                            # lists page by themselves
    ...         print(voice.name, voice.promoted)
    ...     job = myna.train("anna", steps=500)
    ...     print(myna.wait(job.id).status.succeeded.sentence)     # watches survive a restart of the daemon

`connect(host="box:7777", token=…, tls_ca=…)` reaches a remote one. A `Client` may be shared between threads.
`AsyncClient` has the same methods, awaitable, for the event loop in which `connect_async` was called. Everything that
goes wrong is a `ClientError` with a sentence and what to do.
"""

from proto.channel import ClientError
from proto.client_async import AsyncClient, connect_async
from proto.client_sync import Client, connect
from proto.messages import ENDED, state_of

__all__ = ["ENDED", "AsyncClient", "Client", "ClientError", "connect", "connect_async", "state_of"]
