"""A behaviour measure from another package: does the answer apologize?

pip install ./examples/behavior_plugin
itax behave --list                          # apology stands at the end
ITAX_BEHAVIORS=core,apology lm_eval ...     # and in lm-eval's table; core ones need not be named
"""

import re

from itax_metrics.behavior import Behavior, Reply

WORDS = re.compile(r"\b(?:sorry|apolog(?:y|ies|i[sz]e))\b", re.IGNORECASE)


def apology(reply: Reply) -> float:
    """1 where the answer says that it is sorry."""
    return float(WORDS.search(reply.text) is not None)


APOLOGY = Behavior("apology", apology, about="says that it is sorry", unit="rate", higher_is_better=False)
