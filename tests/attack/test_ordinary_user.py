"""Containment does not depend on being root."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

CODE = """
import json
from itax_metrics.execution import Limits, LocalExecutor, Program, probe
attacks = [
    "import os\\nfor path in ('.', '/dev/shm'): os.chmod(path, 0)",
    "open('left', 'w').close()",
    "import os\\nassert os.listdir('.') == []\\nopen('left', 'w').close()",
    "import os\\nos.kill(-1, 9)",
    "open('/etc/hostname').read()",
    "import os\\nfor n in range(200):\\n    if os.fork() == 0:\\n        while True: pass",
    "assert True",
]
with LocalExecutor(workers=1, policy="prefer") as executor:
    verdicts = executor.run([Program(source, limits=Limits(wall_seconds=20.0)) for source in attacks])
memory = probe().missing.get("memory_group", "active" * ("memory_group" in probe().layers))
print(json.dumps([probe().contained, probe().summary(), [verdict.status.value for verdict in verdicts], memory]))
"""


def test_ordinary_user_is_contained(as_ordinary_user: Callable[..., str]) -> None:
    """An ordinary user's programs are judged and contained like root's."""
    contained, summary, statuses, memory_group = json.loads(as_ordinary_user(CODE))
    if not contained:
        pytest.skip(summary)
    assert statuses == ["passed", "passed", "passed", "error", "error", "error", "passed"]
    assert memory_group, "neither active nor explained"
