"""The paper as data: its tables, an audit of its numbers, its tables on a user's runs, its findings."""
