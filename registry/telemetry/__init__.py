"""What every process tells of itself beside its metrics: logs and traces."""
