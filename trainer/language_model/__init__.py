"""What a language model knows, as texts and soft labels: backends, prompts, generation and labeling."""
