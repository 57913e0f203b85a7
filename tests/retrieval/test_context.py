from retrieval.context import embedding_text


def test_the_last_headings_go_before_the_passage():
    assert embedding_text("", "Wear gloves.") == "Wear gloves."
    assert embedding_text("Manual > Safety", "Wear gloves.") == "Manual > Safety\nWear gloves."
    assert embedding_text("x" * 90 + " > Manual > Safety", "Wear gloves.") == "Manual > Safety\nWear gloves."
    assert embedding_text("x" * 100, "Wear gloves.").endswith("\nWear gloves.")
