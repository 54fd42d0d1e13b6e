"""Where the host is met: lm_eval is imported in this package and in `itax_tasks.models`, nowhere else."""
