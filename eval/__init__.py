"""Evaluation. `eval` is also a builtin: write `from eval.module import name`, never `import eval.module`."""
