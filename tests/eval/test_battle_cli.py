"""`footnote eval battle`, `export`, `import` and `replay` as their user meets them, over a tiny real model."""

import io
import json
import sys

import pytest

TOML = """
[contestants.greedy]
model = {model}
sampling = {{max_tokens = 6}}
["contestants"."drawn, 🎲"]
model = {model}
sampling = {{temperature = 1.0, max_tokens = 6}}
"""


@pytest.fixture
def run(footnote, monkeypatch, tmp_path, tiny_checkpoint):
    """Run `footnote eval ARGS` beside files of prompts and contestants; gives (exit code, stdout, stderr)."""
    (tmp_path / "prompts.txt").write_text("Who?\n\nWhere? \nWho?\n")
    (tmp_path / "two.toml").write_text(TOML.format(model=json.dumps(str(tiny_checkpoint))))
    monkeypatch.chdir(tmp_path)

    def run_one(*args, keys=""):
        monkeypatch.setattr(sys, "stdin", io.StringIO(keys))
        return footnote("eval", *args)

    return run_one


@pytest.fixture
def begun(run):
    """The session `one`, begun."""
    code, out, err = run("battle", "create", "one", "--prompts", "prompts.txt", "--contestants", "two.toml", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"session": "one", "prompts": 2, "contestants": ["greedy", "drawn, 🎲"]}
    return run


def test_a_session_is_fought_and_rated(begun):
    assert json.loads(begun("battle", "generate", "one", "--json")[1]) == {"session": "one", "made": 4, "answers": 4}
    code, out, err = begun("battle", "play", "one", "--rater", "ann", keys="x\n1\n4\n")
    assert (code, err) == (0, "")
    assert out.count("left was") == 2
    assert "2 of 2 battles have your vote" in out
    found = json.loads(begun("battle", "report", "one", "--rounds", 20, "--json")[1])
    assert found["votes"]["people"]["all"] == 2
    assert set(found["people"]["bradley_terry"]) == {"greedy", "drawn, 🎲"}
    assert "votes of people: 2 all" in begun("battle", "report", "one", "--rounds", 20)[1]
    assert "one  battles: 2 prompts, 2 contestants, 2 votes" in begun("battle", "list")[1]


def test_a_rater_stops_and_goes_on(begun):
    assert "1 of 2 battles" in begun("battle", "play", "one", "--rater", "ann", keys="2\nq\n")[1]
    assert "1 of 2 battles" in begun("battle", "play", "one", "--rater", "ann", keys="")[1]
    out = begun("battle", "play", "one", "--rater", "ann", keys="3\n")[1]
    assert out.startswith("2. ")
    assert "2 of 2 battles" in out


def test_another_home_replays_the_same_bytes(begun, tmp_path):
    begun("battle", "play", "one", "--rater", "ann", keys="1\n3\n")
    code, first, _ = begun("replay", "--rounds", 20, "--seed", 4)
    assert code == 0
    assert json.loads(first)["sessions"]["one"]["people"]["votes"] == 2
    assert begun("export", "one", "--to", "one.jsonl")[0] == 0
    assert begun("import", "one.jsonl", "--home", "other")[1] == "imported one\n"
    assert begun("replay", "--rounds", 20, "--seed", 4, "--home", "other", "--to", "second.json")[0] == 0
    assert (tmp_path / "second.json").read_text() == first
    assert [each["label"] for each in json.loads(begun("versions", "--rounds", 20, "--json")[1])["versions"]] == [
        *("drawn, 🎲", "greedy"),
    ]
    assert "2 votes  greedy" in begun("versions", "--rounds", 20)[1]
    begun("export", "one", "--format", "csv", "--to", "one.csv")
    code, out, _ = begun("elo", "one.csv", "--rounds", 20, "--json")
    assert set(json.loads(out)["elo"]) == {"greedy", "drawn, 🎲"}


def test_what_a_colleague_added_is_taken_in_and_the_rest_counts_once(begun, tmp_path):
    begun("battle", "play", "one", "--rater", "ann", keys="1\n3\n")
    begun("export", "one", "--to", "one.jsonl")
    begun("import", "one.jsonl", "--home", "other")
    begun("battle", "play", "one", "--rater", "bob", "--home", "other", keys="1\n4\n")
    begun("export", "one", "--to", "more.jsonl", "--home", "other")
    code, _, err = begun("import", "one.jsonl", "--name", "copy")
    assert (code, "each of its 2 votes is here already, in 'one'" in err) == (2, True)
    assert begun("import", "more.jsonl", "--name", "more")[1] == (
        "imported more\n2 of its 4 votes are in 'one' too; `footnote eval versions` counts each once\n"
    )
    assert "holds the same ones: 2\n" in begun("versions", "--rounds", 20)[1]
    found = json.loads(begun("versions", "--rounds", 20, "--json")[1])
    assert (found["votes_left_out"], found["people"]["votes"]) == (2, 4)


def test_a_session_is_removed_only_with_yes(begun):
    code, out, err = begun("battle", "remove", "one")
    assert (code, out) == (2, "")
    assert "repeat with --yes" in err
    assert begun("battle", "remove", "one", "--yes")[1] == "removed one\n"
    assert "no sessions" in begun("battle", "list")[1]


def test_prompts_are_made_of_a_collection(begun, tmp_path):
    from assistant.config import open_home, open_library

    parts = [f"## {name}\n\n{'A part of the pump has to be kept clean. ' * 60}\n\n" for name in ("Pumps", "Valves")]
    (tmp_path / "manual.md").write_text("# Manual\n\n" + "".join(parts))
    with open_library(open_home()) as library:
        library.ingest([tmp_path / "manual.md"])
    args = ("battle", "create", "two", "--collection", "default", "--contestants", "two.toml", "--json")
    assert json.loads(begun(*args)[1])["prompts"] == 3
    asked = json.loads(begun("battle", "show", "two", "--json")[1])["prompts"]
    assert set(asked) == {
        "What is manual.md about?",
        "What does manual.md say about Pumps?",
        "What does manual.md say about Valves?",
    }
    code, _, err = begun("battle", "create", "three", "--collection", "nothing", "--contestants", "two.toml")
    assert code == 2
    assert "there are no documents in the collection 'nothing'" in err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("create", "x", "--contestants", "two.toml"), "give either --prompts FILE, or --collection"),
        (("create", "x", "--prompts", "no.txt", "--contestants", "two.toml"), "no.txt: cannot be read"),
        (("create", "x", "--prompts", "prompts.txt"), "a session takes 2 to 60 contestants, not 0"),
        (("create", "x", "--prompts", "prompts.txt", "--contestants", "prompts.txt"), "prompts.txt: not a TOML file"),
        (("create", "x", "--prompts", "prompts.txt", "--contestant", "a"), "--contestant 'a': write NAME=MODEL"),
        (
            ("create", "x", "--prompts", "prompts.txt", "--contestants", "two.toml", "--contestant", "gone=./gone"),
            "./gone: no such folder",
        ),
        (("create", "x", "--prompts", "bad.jsonl", "--contestants", "two.toml"), "bad.jsonl:2: 'prompt' must be"),
        (("create", "x", "--prompts", "prompts.txt", "--contestants", "wrong.toml"), "wrong.toml: a contestant has no"),
        (("generate", "x"), "there is no session called 'x'; there are: none yet"),
        (("play", "x", "--rater", "ann"), "there is no session called 'x'"),
        (("report", "x"), "there is no session called 'x'"),
    ],
)
def test_bad_use_is_one_line_and_begins_nothing(run, tmp_path, args, message):
    (tmp_path / "bad.jsonl").write_text('{"prompt": "Who?"}\n{"ask": "Where?"}\n')
    (tmp_path / "wrong.toml").write_text("[contestants.a]\nmodle = 'x'\n")
    code, out, err = run("battle", *args)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert "no sessions" in run("battle", "list")[1]
