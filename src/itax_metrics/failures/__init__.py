"""Why answers fail: the paper's four categories by rule, and by two people who read them."""
