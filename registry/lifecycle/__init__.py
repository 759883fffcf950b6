"""The life of runs and model versions: stages, promotion, roll back."""
