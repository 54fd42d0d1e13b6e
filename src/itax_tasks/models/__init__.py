"""Model classes for lm-eval; each is registered by lazy name and imported only when asked for."""
