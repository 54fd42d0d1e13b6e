"""Every hostile program of the table, as this user and as an ordinary one: contained, noticed, without consequences."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from itax_metrics.execution import Limits, LocalExecutor, Program, probe

TABLE = Path(__file__).with_name("hostile.py")


def _table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hostile", TABLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hostile"] = module
    spec.loader.exec_module(module)
    return module


hostile = _table()
ROWS = [
    pytest.param(row, id=row.name, marks=[pytest.mark.xfail(strict=True, reason=row.known)] if row.known else [])
    for row in hostile.ATTACKS
]


@pytest.fixture(scope="module")
def run() -> Iterator[Callable[..., Any]]:
    """Run one source in a worker that was started with a token in the environment."""
    if not probe().contained:
        pytest.skip(probe().summary())
    with pytest.MonkeyPatch.context() as patch, LocalExecutor(workers=1) as executor:
        patch.setenv("HF_TOKEN", hostile.TOKEN)

        def one(source: str, **limits: Any) -> Any:
            return executor.run([Program(source, limits=Limits(**{"wall_seconds": 30.0, **limits}))])[0]

        yield one


@pytest.fixture(scope="module")
def host() -> Iterator[Any]:
    """What the attacks could hurt."""
    place = hostile.Host()
    yield place
    place.close()


@pytest.fixture(scope="module")
def of_ordinary_user(as_ordinary_user: Callable[..., str]) -> dict[str, Any]:
    """What came of every row as an ordinary user."""
    found: dict[str, Any] = json.loads(as_ordinary_user(TABLE.read_text()))
    if not found["contained"]:
        pytest.skip(found["summary"])
    return found


@pytest.mark.parametrize("attack", ROWS)
def test_attack(run: Callable[..., Any], host: Any, attack: Any) -> None:
    """It does not pass, nothing of the host is touched, and the next programs are judged rightly."""
    if attack.needs and attack.needs not in probe().layers:
        pytest.skip(f"needs the layer {attack.needs}: {probe().missing.get(attack.needs)}")
    verdict, wrong = hostile.strike(run, host, attack)
    assert not wrong, verdict


@pytest.mark.parametrize("attack", ROWS)
def test_attack_as_ordinary_user(of_ordinary_user: dict[str, Any], attack: Any) -> None:
    """The same where the engine was started by an ordinary user."""
    if attack.needs and attack.needs not in of_ordinary_user["layers"]:
        pytest.skip(f"needs the layer {attack.needs}")
    wrong, status, detail = of_ordinary_user[attack.name]
    assert not wrong, (status, detail)


def test_table_is_complete() -> None:
    """The 29 programs and three escapes the engine was measured with, and at least fifteen more; no name twice."""
    names = [row.name for row in hostile.ATTACKS]
    assert len(names) == len(set(names)) >= 29 + 3 + 15
