"""DS-1000: a thousand questions about seven data science libraries, answered in place.

Source: Lai et al. 2022, https://github.com/xlang-ai/DS-1000 (`run_inference.py`, `test_ds1000.py`, `execution.py`),
restated; the paper's form from its artifact. The answer goes into the context the row brings along, which computes
results and compares them itself.

Covered: the official order of the clean-up, 120 s, one process, no guard.
Not covered: fifteen rows fetch data at test time (`NETWORK`); behind the sandbox they fail unless the data were put
into the environment beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from itax_metrics.execution import environments
from itax_metrics.execution.programs import MIB, Limits, Program
from itax_metrics.records import Flag, Item
from itax_tasks import data
from itax_tasks.benchmarks.base import Loaded
from itax_tasks.settings import Settings
from itax_tasks.spec import Condition, Dialogue, TaskSpec, answer_alone, measured

Shots = Literal["paper", "own", "none"]

FILE = "ds1000.jsonl.gz"
SHOTS_FILE = "fewshots_ds1000.json"

ENVIRONMENT = "ds1000"

LIMITS = Limits(wall_seconds=120.0, memory_bytes=30 * 1024 * MIB, processes=256, open_files=1024)
"""The official alarm; memory is not limited there, the figure only protects the machine."""

NETWORK = frozenset({519, 539, 565, 566, 567, 577, 598, 624, 629, 650, 654, 655, 656, 661, 819})
"""Rows that fetch a data set at test time: seaborn.load_dataset, and fetch_california_housing in 819."""

OFFICIAL_SYSTEM = (
    "Write a short code following the given format and indentation. Place the executable code between <code> and "
    "</code> tags, without any other non-executable things."
)
PAPER_SYSTEM = (
    "You will be given Prompt: (It may include Problem: and A: in the prompt), and you must output only the codes to "
    "be continued after the BEGIN SOLUTION or SOLUTION START."
)

STOPS = ("</code>", "# SOLUTION END")

PROFILES: Mapping[str, str] = {
    "Pandas": "pandas",
    "Numpy": "numpy",
    "Matplotlib": "plots",
    "Sklearn": "learning",
    "Scipy": "learning",
    "Pytorch": "torch",
    "Tensorflow": "bare",
}
"""Library -> what the worker has loaded. TensorFlow starts threads when imported, so its rows import it themselves."""

OWN_SHOTS: tuple[tuple[str, str], ...] = (
    (
        "Problem:\nI have a DataFrame with a column `town` that has missing values, and I want them to hold the text "
        "'unknown'.\n\nA:\n<code>\nimport pandas as pd\ndf = pd.DataFrame({'town': ['Bern', None, 'Graz']})\n</code>\n"
        "df = ... # put solution in this variable\nBEGIN SOLUTION\n<code>",
        "df['town'] = df['town'].fillna('unknown')\n</code>",
    ),
    (
        "Problem:\nGiven a one-dimensional array `a`, I want the positions of all values above their mean, as an array."
        "\n\nA:\n<code>\nimport numpy as np\na = np.array([3, 9, 4, 8])\n</code>\nresult = ... # put solution in this "
        "variable\nBEGIN SOLUTION\n<code>",
        "result = np.flatnonzero(a > a.mean())\n</code>",
    ),
    (
        "import matplotlib.pyplot as plt\n\ndays = [1, 2, 3, 4]\nrain = [0, 4, 1, 7]\n\n# Draw rain over days as bars "
        "and call the vertical axis mm.\n# SOLUTION START",
        "<code>\nplt.bar(days, rain)\nplt.ylabel('mm')\n</code>",
    ),
)
"""Demonstrations written for this project; none is a question of the benchmark."""


def load(shots: Shots, settings: Settings) -> Loaded:
    """The items in the order of their numbers, clustered by the question a perturbation started from."""
    found = data.load("ds1000", FILE, settings)
    files = [dict(found.record)]
    said: tuple[tuple[str, str], ...] = OWN_SHOTS if shots == "own" else ()
    if shots == "paper":
        published = data.load("ds1000", SHOTS_FILE, settings)
        files.append(dict(published.record))
        said = tuple((row["problem"].rstrip(), row["solution"].strip()) for row in published.rows)
    seeded = bool(environments.digest_of(settings.state_dir / "envs" / ENVIRONMENT))
    items = tuple(_item(row, said, seeded) for row in found.rows)
    record = {"source": found.record["source"], "sha256": found.record["sha256"], "rows": len(items), "files": files}
    return Loaded(items, record)


def _item(row: Mapping[str, Any], shots: tuple[tuple[str, str], ...], seeded: bool) -> Item:
    about = row["metadata"]
    number, library = int(about["problem_id"]), str(about["library"])
    return Item(
        task_id=f"DS-1000/{number}",
        prefix=row["prompt"],
        truth=row["reference_code"],
        cluster=f"{library}/{about['perturbation_origin_id']}",
        payload={
            "context": row["code_context"],
            "library": library,
            "perturbation": str(about["perturbation_type"]),
            "number": number,
            "shots": shots,
            "able": seeded or number not in NETWORK,
        },
    )


def groups(item: Item) -> tuple[str, ...]:
    """Library, kind of perturbation, and whether the row has what it needs."""
    able = ("env_ok",) if item.payload["able"] else ()
    return (item.payload["library"], item.payload["perturbation"], *able)


def flags(item: Item) -> tuple[str, ...]:
    """What cannot work here, whatever the answer."""
    return () if item.payload["able"] else (Flag.ENV_UNAVAILABLE.value,)


def official_dialogue(item: Item) -> Dialogue:
    """The official system sentence, then the question."""
    return Dialogue((("system", OFFICIAL_SYSTEM), ("user", item.prefix)))


def paper_dialogue(item: Item) -> Dialogue:
    """The paper's system sentence, three demonstrations as turns, then the question."""
    turns = [("system", PAPER_SYSTEM)]
    for problem, solution in item.payload["shots"]:
        turns += [("user", problem), ("assistant", solution)]
    return Dialogue((*turns, ("user", item.prefix)))


def decide(item: Item, body: str, limits: Limits) -> Program:
    """The context of the row with the answer as text, then its checks."""
    context = item.payload["context"]
    source = f"{context}\ncode = {body!r}\ntest_execution(code)\n"
    if "test_string(" in context:
        source += "test_string(code)\n"
    library = item.payload["library"]
    return Program(
        source, limits=limits, profile=PROFILES[library], environment=ENVIRONMENT, slow=library == "Tensorflow"
    )


def _spec(name: str, condition: Condition, shots: Shots, protocol: str) -> TaskSpec:
    paper = protocol != "official"
    return TaskSpec(
        name=name,
        version=1.0,
        benchmark=f"ds1000/{shots}",
        condition=condition,
        protocol=protocol,
        load=partial(load, shots),
        measures=measured({"pass@1": "ds1000_official", "pass@1_fenced_code": "fenced_code"}, answer_alone, decide),
        limits=LIMITS,
        max_gen_toks=512 if paper else 1024,
        stops=STOPS,
        dialogue=paper_dialogue if paper else official_dialogue,
        groups=groups,
        flags=flags,
    )


TASKS = (
    _spec("itax_ds1000", "chat", "paper", "paper"),
    _spec("itax_ds1000_ownshots", "chat", "own", "itax"),
    _spec("itax_ds1000_official", "chat", "none", "official"),
    _spec("itax_ds1000_raw", "direct", "none", "official"),
)
