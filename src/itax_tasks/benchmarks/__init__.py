"""The benchmarks: official rows in, items and programs out. One file a benchmark; none imports a sibling."""
