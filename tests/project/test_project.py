"""What holds of the project as a whole: README commands, the direction of imports, importing without effects."""

import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import typer
from rich.markup import render

from app.main import build_cli
from assistant.prompt_builder import read_parts
from eval.session_input import read_contestants

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
LINES = [line.split(" #")[0].strip() for block in SHELL for line in block.splitlines()]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in ("app", "assistant", "eval", "finetune", "retrieval")
    for path in (ROOT / package).rglob("*.py")
    if path.name != "__init__.py"
]


def test_the_readme_shows_commands():
    assert any(line.startswith("make ") for line in LINES)
    assert any(line.startswith("footnote ") for line in LINES)


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("footnote ")])
def test_footnote_commands_of_the_readme_parse(line):
    cli = typer.main.get_command(build_cli())
    name, *args = shlex.split(line)[1:]
    cli.commands[name].make_context(name, args)


@pytest.mark.parametrize("line", [line for line in LINES if line.startswith("make ")])
def test_make_commands_of_the_readme_have_a_target(line):
    targets = re.findall(r"^([\w/.-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert set(line.split()[1:]) <= set(targets)


@pytest.mark.parametrize("path", re.findall(r"\]\((?!https?:|#)([^)]+)\)", README))
def test_files_that_the_readme_links_to_are_there(path):
    assert (ROOT / path).exists()


def test_the_readme_shows_a_prompt_and_contestants_that_can_be_read(tmp_path):
    path = tmp_path / "shown.toml"
    blocks = re.findall(r"```toml\n(.*?)```", README, flags=re.DOTALL)
    prompt, contestants = (next(block for block in blocks if block.startswith(key)) for key in ("task", "[contestants"))
    path.write_text(prompt)
    assert "one sentence" in read_parts(path).text()
    path.write_text(contestants)
    assert [each.name for each in read_contestants(path)] == ["plain", "terse", "keywords"]


def test_help_is_shown_as_it_was_written():
    """What stands in square brackets is markup to what prints the help, and would be gone."""

    def helps(command):
        yield from (text for text in (command.help, *(getattr(of, "help", None) for of in command.params)) if text)
        for inner in getattr(command, "commands", {}).values():
            yield from helps(inner)

    written = list(helps(typer.main.get_command(build_cli())))
    assert len(written) > 100
    assert [text for text in written if render(text).plain != text] == []


def test_imports_go_in_one_direction():
    command = Path(sysconfig.get_path("scripts"), "lint-imports")
    run = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_importing_any_module_makes_no_file_and_starts_nothing(tmp_path):
    code = (
        "import importlib, threading\n"
        f"for name in {MODULES!r}:\n"
        "    importlib.import_module(name)\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
    )
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True, timeout=110)
    assert [path.name for path in tmp_path.iterdir() if path.name != ".cache"] == []


def test_the_command_line_starts_without_the_heavy_libraries():
    code = (
        "import sys, app.main\n"
        "app.main.build_cli()\n"
        "heavy = {'torch', 'transformers', 'gradio', 'faiss', 'sentence_transformers'}.intersection(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
