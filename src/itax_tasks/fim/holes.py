"""Holes to probe a model with, written for this project: what belongs in them shows in the code after them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hole:
    """Code with a hole and what was there."""

    prefix: str
    middle: str
    suffix: str


HOLES: tuple[Hole, ...] = (
    Hole("def area(width, height):\n    ", "surface = width * height\n", "    return surface\n"),
    Hole("def greet(name):\n    ", 'message = "Hello, " + name\n', "    print(message)\n    return message\n"),
    Hole(
        "def mean(numbers):\n    total = 0\n    ",
        "count = 0\n",
        "    for n in numbers:\n        total += n\n        count += 1\n    return total / count\n",
    ),
    Hole(
        "import os\n",
        "import json\n",
        "\n\ndef read(path):\n    with open(path) as file:\n        return json.load(file)\n",
    ),
    Hole(
        "class Stack:\n    def __init__(self):\n        ",
        "self.entries = []\n",
        "\n    def push(self, entry):\n        self.entries.append(entry)\n",
    ),
    Hole(
        "def largest(rows):\n    ",
        "best = None\n",
        "    for row in rows:\n        if best is None or row > best:\n            best = row\n    return best\n",
    ),
    Hole("def swap(pair):\n    ", "left, right = pair\n", "    return right, left\n"),
    Hole(
        "def words(text):\n    found = {}\n    for ",
        "word in text.split()",
        ":\n        found[word] = found.get(word, 0) + 1\n    return found\n",
    ),
    Hole(
        "def clamp(value, ",
        "low, high",
        "):\n    if value < low:\n        return low\n    if value > high:\n        return high\n    return value\n",
    ),
    Hole(
        "def retry(action, ",
        "attempts",
        "=3):\n    for number in range(attempts):\n        try:\n"
        "            return action()\n        except OSError:\n            continue\n    raise OSError(attempts)\n",
    ),
    Hole("def ", "is_palindrome", "(text):\n    return text == text[::-1]\n\n\nassert is_palindrome('level')\n"),
    Hole(
        "def split_name(full):\n    ",
        'first, last = full.split(" ", 1)\n',
        '    return {"first": first, "last": last}\n',
    ),
)
