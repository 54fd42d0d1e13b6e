"""Models trained here: so far the tiny pair that shows a tax without a download (`tune.tiny`).

Importing this package loads no model library; `torch` and `transformers` are imported where they are used.
"""
