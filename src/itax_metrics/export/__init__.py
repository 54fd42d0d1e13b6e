"""Scores in the forms that leaderboards and model cards read."""
