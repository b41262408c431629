"""The schema: every table there is. Who asks `Row` alone knows of no more tables than somebody has imported."""

from __future__ import annotations

from daemon.database import comparison_rows as _comparison_rows  # noqa: F401  (the schema is all rows that are imported)
from daemon.database import consent_rows as _consent_rows  # noqa: F401  (and so here)
from daemon.database import energy_rows as _energy_rows  # noqa: F401  (and so here)
from daemon.database import experiment_rows as _experiment_rows  # noqa: F401  (and so here)
from daemon.database import notice_rows as _notice_rows  # noqa: F401  (and so here)
from daemon.database import people_rows as _people_rows  # noqa: F401  (and so here)
from daemon.database import point_rows as _point_rows  # noqa: F401  (and so here)
from daemon.database import quota_rows as _quota_rows  # noqa: F401  (and so here)
from daemon.database import rating_rows as _rating_rows  # noqa: F401  (and so here)
from daemon.database import remote_rows as _remote_rows  # noqa: F401  (and here)
from daemon.database.models import Row

TABLES = Row.metadata
