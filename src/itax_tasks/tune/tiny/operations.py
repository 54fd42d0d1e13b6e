"""The operations programs are composed of: a clause in words and a line of code for each.

Three families share one shape, some steps and then a final: lists of whole numbers, texts, single numbers.
`{v}` stands for the variable a step reads, `{k}` for its constant, `{a}` and `{b}` for letters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Family = Literal["list", "text", "number"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One step or final."""

    name: str
    """Its identity: two compositions are the same when their names are."""
    words: str
    """An imperative clause."""
    code: str
    """The expression that computes it; a step whose code starts with `if` is a block of its own."""
    low: int = 2
    high: int = 9


def _operations(*rows: tuple[str, str, str]) -> tuple[Operation, ...]:
    return tuple(Operation(*row) for row in rows)


STEPS: Mapping[Family, tuple[Operation, ...]] = {
    "list": _operations(
        ("even", "keep the even numbers", "[x for x in {v} if x % 2 == 0]"),
        ("odd", "keep the odd numbers", "[x for x in {v} if x % 2 == 1]"),
        ("above", "keep numbers above {k}", "[x for x in {v} if x > {k}]"),
        ("below", "keep numbers below {k}", "[x for x in {v} if x < {k}]"),
        ("multiples", "keep multiples of {k}", "[x for x in {v} if x % {k} == 0]"),
        ("no_multiples", "drop multiples of {k}", "[x for x in {v} if x % {k} != 0]"),
        ("add", "add {k} to each", "[x + {k} for x in {v}]"),
        ("subtract", "subtract {k} from each", "[x - {k} for x in {v}]"),
        ("multiply", "multiply each by {k}", "[x * {k} for x in {v}]"),
        ("divide", "floor-divide each by {k}", "[x // {k} for x in {v}]"),
        ("modulo", "take each modulo {k}", "[x % {k} for x in {v}]"),
        ("square", "square each", "[x * x for x in {v}]"),
        ("negate", "negate each", "[-x for x in {v}]"),
        ("absolute", "take absolute values", "[abs(x) for x in {v}]"),
        ("at_least", "lift each to at least {k}", "[max(x, {k}) for x in {v}]"),
        ("at_most", "cap each at {k}", "[min(x, {k}) for x in {v}]"),
        ("reverse", "reverse the order", "{v}[::-1]"),
        ("ascending", "sort ascending", "sorted({v})"),
        ("descending", "sort descending", "sorted({v}, reverse=True)"),
        ("first", "take the first {k}", "{v}[:{k}]"),
        ("last", "take the last {k}", "{v}[-{k}:]"),
        ("skip", "skip the first {k}", "{v}[{k}:]"),
        ("second", "take every second one", "{v}[::2]"),
        ("unique", "remove later duplicates", "list(dict.fromkeys({v}))"),
        ("gaps", "take neighbour differences", "[b - a for a, b in zip({v}, {v}[1:])]"),
    ),
    "text": _operations(
        ("upper", "make it upper case", "{v}.upper()"),
        ("lower", "make it lower case", "{v}.lower()"),
        ("swap", "swap the case", "{v}.swapcase()"),
        ("capital", "capitalize it", "{v}.capitalize()"),
        ("reverse", "reverse it", "{v}[::-1]"),
        ("replace", "replace '{a}' with '{b}'", '{v}.replace("{a}", "{b}")'),
        ("remove", "remove every '{a}'", '{v}.replace("{a}", "")'),
        ("no_spaces", "remove the spaces", '{v}.replace(" ", "")'),
        ("no_vowels", "drop lower case vowels", '"".join(c for c in {v} if c not in "aeiou")'),
        ("letters", "keep the letters", '"".join(c for c in {v} if c.isalpha())'),
        ("double", "double each character", '"".join(c * 2 for c in {v})'),
        ("first", "take the first {k} characters", "{v}[:{k}]"),
        ("last", "take the last {k} characters", "{v}[-{k}:]"),
        ("append", "append '{a}'", '{v} + "{a}"'),
        ("sort_words", "sort the words", '" ".join(sorted({v}.split()))'),
        ("flip_words", "reverse the word order", '" ".join({v}.split()[::-1])'),
    ),
    "number": _operations(
        ("add", "add {k}", "{v} + {k}"),
        ("subtract", "subtract {k}", "{v} - {k}"),
        ("multiply", "multiply by {k}", "{v} * {k}"),
        ("divide", "floor-divide by {k}", "{v} // {k}"),
        ("modulo", "take it modulo {k}", "{v} % {k}"),
        ("square", "square it", "{v} * {v}"),
        ("negate", "negate it", "-{v}"),
        ("absolute", "take the absolute value", "abs({v})"),
        ("at_least", "lift it to at least {k}", "max({v}, {k})"),
        ("at_most", "cap it at {k}", "min({v}, {k})"),
        ("digit_sum", "sum its digits ignoring the sign", "sum(int(d) for d in str(abs({v})))"),
        ("flip_digits", "reverse its digits ignoring the sign", "int(str(abs({v}))[::-1])"),
        ("if_even", "halve it if even", "{v} // 2 if {v} % 2 == 0 else {v}"),
        ("if_above", "subtract {k} if above {k}", "{v} - {k} if {v} > {k} else {v}"),
    ),
}

FINALS: Mapping[Family, tuple[Operation, ...]] = {
    "list": _operations(
        ("list", "return the list", "{v}"),
        ("sum", "return the sum", "sum({v})"),
        ("max", "return the largest or zero", "max({v}, default=0)"),
        ("min", "return the smallest or zero", "min({v}, default=0)"),
        ("len", "return how many there are", "len({v})"),
        ("count", "return how often {k} occurs", "{v}.count({k})"),
        ("join", "return them joined with dashes", '"-".join(str(x) for x in {v})'),
        ("head", "return the first or zero", "{v}[0] if {v} else 0"),
        ("any", "return whether any is above {k}", "any(x > {k} for x in {v})"),
    ),
    "text": _operations(
        ("text", "return the text", "{v}"),
        ("len", "return its length", "len({v})"),
        ("count", "return how often '{a}' occurs", '{v}.count("{a}")'),
        ("words", "return the list of words", "{v}.split()"),
        ("distinct", "return how many distinct characters", "len(set({v}))"),
        ("sorted", "return its characters sorted as text", '"".join(sorted({v}))'),
        ("starts", "return whether it starts with '{a}'", '{v}.startswith("{a}")'),
    ),
    "number": _operations(
        ("number", "return the number", "{v}"),
        ("text", "return it as text", "str({v})"),
        ("even", "return whether it is even", "{v} % 2 == 0"),
        ("above", "return whether it is above {k}", "{v} > {k}"),
        ("digits", "return how many digits it has", "len(str(abs({v})))"),
        ("pair", "return a pair of it and its double", "({v}, {v} * 2)"),
    ),
}

LETTERS = "abcdefghilmnoprstu"
"""Letters that stand in operations on text; the inputs of tests hold them often."""
