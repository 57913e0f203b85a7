"""Training: from plain text and instructions to a checkpoint that the assistant can load."""
