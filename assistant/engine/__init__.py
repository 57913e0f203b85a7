"""Running a language model: sampling, stopping, and the engine that streams a reply."""
