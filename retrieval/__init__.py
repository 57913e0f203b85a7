"""The document library: extraction, passages, vectors, keywords, fusion. Imports nothing else of Footnote."""
