"""What the paper's sections 4.1 to 4.3 say about its tables, against the tables.

Each claim is given in our words with its section; what the tables hold is computed, not copied.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from itax_metrics.paper.audit import Cell, Check, judged
from itax_metrics.paper.published import COMPLETION, INFILLING, PAIRS, TABLE_4_NAMES, score, table

Finding = tuple[bool, str]
"""Whether the tables bear the claim out, and what they hold."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of the text that a table can answer."""

    section: str
    tables: str
    says: str
    answer: Callable[[], Finding]


def checks() -> tuple[Check, ...]:
    """The text against the tables."""
    cells = []
    for claim in CLAIMS:
        holds, found = claim.answer()
        cells.append(Cell(claim.tables, f"section {claim.section}", "text", claim.says, found, judged(holds)))
    return (
        Check(
            "text against tables",
            "sentences of sections 4.1 to 4.3 that a table can answer",
            "none",
            tuple(cells),
            {"claims": len(cells), "not borne out": sum(cell.verdict != "agrees" for cell in cells)},
        ),
    )


def _unless(against: Sequence[str], found: str = "", none: str = "none", joint: str = "; ") -> Finding:
    """A claim that nothing in the tables speaks against, or else what does."""
    return not against, found + (joint.join(against) or none)


def _change(family: str, size: str, benchmark: str) -> float:
    base = score(family, size, "base", benchmark)
    return 100 * (score(family, size, "instruct", benchmark) - base) / base


def _pairs() -> list[tuple[str, str]]:
    return [(family, size) for family, _, sizes in PAIRS.values() for size in sizes]


def _largest_gap() -> Finding:
    changes = {(f, s, b): _change(f, s, b) for f, s in _pairs() for b in INFILLING}
    (family, size, benchmark), worst = min(changes.items(), key=lambda entry: entry[1])
    return (size, benchmark) == ("1.3b", "HEFIM"), f"the largest is {worst:.2f} % ({family}-{size} on {benchmark})"


def _infilling_exceptions() -> Finding:
    better = [f"{s} on {b} ({_change(f, s, b):+.2f} %)" for f, s in _pairs() for b in INFILLING if _change(f, s, b) > 0]
    fits = all(entry.startswith(("1.5b", "33b")) for entry in better)
    return fits, f"instruct scores higher in: {', '.join(better)}"


def _steady_with_size() -> Finding:
    by_family = [[_change(family, size, "SAFIM") for size in sizes] for family, _, sizes in PAIRS.values()]
    steady = all(changes == sorted(changes, reverse=True) for changes in by_family)
    return steady, "; ".join(", ".join(f"{value:+.2f}" for value in changes) for changes in by_family) + " %"


def _small_models_by_family() -> Finding:
    against = [
        f"{benchmark}: {qwen} {_change('Qwen2.5-Coder', qwen, benchmark):+.2f}, "
        f"{deepseek} {_change('DeepSeek-Coder', deepseek, benchmark):+.2f} %"
        for qwen, deepseek in (("1.5b", "1.3b"), ("7b", "6.7b"))
        for benchmark in INFILLING
        if _change("DeepSeek-Coder", deepseek, benchmark) >= _change("Qwen2.5-Coder", qwen, benchmark)
    ]
    return _unless(against, "the other way round on " * bool(against), "on all three benchmarks")


def _safim_always_significant() -> Finding:
    failing = [
        table("4").name(row) for row in table("4").rows if row["benchmark"] == "SAFIM" and row["significant"] != "Y"
    ]
    return _unless(failing, "not significant: ", joint=", ")


def _safim_always_for_base() -> Finding:
    failing = [
        f"{table('4').name(row)} ({row['base only']} against {row['instruct only']})"
        for row in table("4").rows
        if row["benchmark"] == "SAFIM" and int(row["base only"]) <= int(row["instruct only"])
    ]
    return _unless(failing, "instruct ahead: ", "nowhere", ", ")


def _diminishing_with_size() -> Finding:
    rows = [row for row in table("4").rows if row["family"] == "DeepSeek-Coder"]
    rising = []
    for short in TABLE_4_NAMES:
        if short == "SAFIM":
            continue  # the text itself excepts it
        values = [float(row["chi2"]) for row in rows if row["benchmark"] == short]
        if values[-1] > values[0]:
            rising.append(f"{short} {', '.join(f'{value:g}' for value in values)}")
    return _unless(rising, "chi-square from the smallest to the largest rises on ")


def _exclusive(benchmarks: Sequence[str], more: str, fewer: str) -> Finding:
    against = [
        f"{table('4').name(row)}: {more} {row[more]}, {fewer} {row[fewer]}"
        for row in table("4").rows
        if row["size"] in ("7B", "6.7B")
        and TABLE_4_NAMES[row["benchmark"]] in benchmarks
        and int(row[more]) <= int(row[fewer])
    ]
    return _unless(against, none="in every cell")


def _gains_on_completion() -> Finding:
    against = [
        f"{table('4').name(row)} ({row['base only']} against {row['instruct only']})"
        for row in table("4").rows
        if TABLE_4_NAMES[row["benchmark"]] in COMPLETION and int(row["base only"]) > int(row["instruct only"])
    ]
    return _unless(against, "by table 4 base is ahead in ", "no cell", ", ")


def _special_tokens() -> Finding:
    row = next(row for row in table("5").rows if row["category"].startswith("Mishandling"))
    found = row["ClassEval Infilling; DeepSeek-Coder-6.7B; base"]
    return found == "10", f"{found} %"


def _more_redundant_code() -> Finding:
    against = []
    for number in ("5", "6"):
        row = next(row for row in table(number).rows if "Redundant" in row["category"])
        for column in table(number).columns[1:]:
            if column.endswith("; base"):
                partner = column.removesuffix("base") + "instruct"
                if int(row[partner]) <= int(row[column]):
                    against.append(f"{column.removesuffix('; base')}: {row[column]} % and {row[partner]} %")
    return _unless(against, "not higher: ")


def _infilling_cleaner() -> Finding:
    against = []
    for row in table("7").rows:
        worse = [
            name
            for name, sign in (("CTR", 1), ("NL", -1), ("Def/Cls", -1))
            if sign * (float(row[f"Infilling {name}"]) - float(row[f"Completion {name}"])) < 0
        ]
        if worse:
            against.append(f"{row['model']} ({', '.join(worse)})")
    return _unless(against, "the other way round: ", "nowhere")


def _ds1000_range() -> Finding:
    values = [float(row["DS-1000"]) for row in table("8").rows if row["stage"] == "75k"]
    return (min(values), max(values)) == (12.70, 15.50), f"{min(values):.2f} to {max(values):.2f}"


def _initial_line_infilling() -> Finding:
    found = table("8").rows[0]["ClassEval-Infilling"]
    return found == "79.40", found


def _completion_falls() -> Finding:
    base = float(table("8").rows[0]["BigCodeBench"])
    above = [table("8").name(row) for row in table("8").rows[1:] if float(row["BigCodeBench"]) >= base]
    return _unless(above, f"not below {base:g}: ", joint=", ")


CLAIMS = (
    Claim("4.1", "2, 3", "the largest relative degradation is -61.10 %: 1.3B on HEFIM", _largest_gap),
    Claim("4.1", "2, 3", "on infilling, instruct is worse but for Qwen 1.5B and DeepSeek 33B", _infilling_exceptions),
    Claim("4.1", "2, 3", "on SAFIM the tax increases steadily with size in both families", _steady_with_size),
    Claim(
        "4.1",
        "2, 3",
        "for the two smaller sizes, relative degradation on infilling is much larger for DeepSeek",
        _small_models_by_family,
    ),
    Claim("4.1", "4", "SAFIM is significant for all models", _safim_always_significant),
    Claim("4.1", "4", "on SAFIM base outperforms instruct consistently", _safim_always_for_base),
    Claim("4.1", "4", "but for SAFIM, DeepSeek shows weaker significance as size grows", _diminishing_with_size),
    Claim("4.1", "4", "instruct gains on the completion tasks", _gains_on_completion),
    Claim(
        "4.2",
        "4",
        "7B and 6.7B, infilling: both base models solve more items exclusively",
        lambda: _exclusive(INFILLING, "base only", "instruct only"),
    ),
    Claim(
        "4.2",
        "4",
        "7B and 6.7B, completion: the instruct models solve more items exclusively",
        lambda: _exclusive(COMPLETION, "instruct only", "base only"),
    ),
    Claim("4.2", "5", "10 % of the 6.7B base failures on ClassEval infilling are special tokens", _special_tokens),
    Claim("4.2", "5, 6", "instruct consistently has a higher share of redundant code", _more_redundant_code),
    Claim(
        "4.2",
        "7",
        "in both families infilling generally has higher CTR, lower NL and Def/Cls (rows listed)",
        _infilling_cleaner,
    ),
    Claim("4.3", "8", "DS-1000 stays at 12.70 to 15.50 throughout the 75k checkpoints", _ds1000_range),
    Claim("4.3", "8", "the initial ClassEval-Infilling score is 79.40", _initial_line_infilling),
    Claim("4.3", "8", "every checkpoint is below base on BigCodeBench", _completion_falls),
)
