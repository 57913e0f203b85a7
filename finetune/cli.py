"""The commands `footnote models …`: each reads its settings, calls one function and prints what it gives."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from assistant.cli import Home, Json
from assistant.config import open_home, read_config
from assistant.errors import InputError
from assistant.show import printable

if TYPE_CHECKING:
    from assistant.model_store import Model

Source = Annotated[str, typer.Argument(help="bundled, a name in the home, a checkpoint folder, or a Hugging Face id.")]
Name = Annotated[str, typer.Argument(help="Its name, as `models list` shows it.")]
Method = Literal["linear", "ties", "dare_linear", "dare_ties"]


def models_commands() -> typer.Typer:
    """The group `models`."""
    group = typer.Typer(help="The models of the home, and new forms of them.", no_args_is_help=True)
    group.command("list")(list_models)
    for command in (add, remove, promote, export, combine):
        group.command()(command)
    return group


def list_models(home: Home = None, as_json: Json = False) -> None:
    """List the models that `--model` can name."""
    from assistant.model_store import list_models as stored

    config = open_home(home)
    models = stored(config)
    if as_json:
        _print_json({"in_use": config.model, "models": [_plain(model) for model in models]})
        return
    for model in models:
        typer.echo(_line(model))
    if not any(model.in_use for model in models):
        typer.echo(f"in use: {printable(config.model)} ({config.sources['model']})")


def add(
    source: Source,
    name: Annotated[str, typer.Argument(help="What to call it: letters, digits, '.', '_', '-'.")],
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Copy a checkpoint into the home, after loading it."""
    from assistant.model_store import add as add_model

    model = add_model(open_home(home), source, name)
    if as_json:
        _print_json({"added": _plain(model)})
    else:
        typer.echo(f"added {_line(model).strip()}")


def remove(name: Name, home: Home = None, as_json: Json = False) -> None:
    """Delete a model from the home."""
    from assistant.model_store import remove as remove_model

    model = remove_model(open_home(home), name)
    if as_json:
        _print_json({"removed": _plain(model)})
    else:
        typer.echo(f"removed {name} ({_megabytes(model.stored.bytes)})")


def promote(name: Name, home: Home = None, as_json: Json = False) -> None:
    """Use a model from now on: writes its name into footnote.toml."""
    from assistant.model_store import promote as promote_model

    promote_model(open_home(home), name)
    now = read_config(home)
    if now.model != name:
        typer.echo(f"note: model = {now.model} from the {now.sources['model']} goes before footnote.toml", err=True)
    if as_json:
        _print_json({"promoted": name, "in_use": now.model == name})
    else:
        typer.echo(f"footnote.toml now says model = {name}")


def export(
    source: Source,
    output: Annotated[Path, typer.Option("--output", "-o", help="The new folder.")],
    text: Annotated[list[Path], typer.Option(help="Held-out text: .txt, .md, or JSON lines with `text`.")],
    dtype: Annotated[Literal["fp16", "int8"], typer.Option(help="The type of the stored weights.")] = "int8",
    tokens: Annotated[int, typer.Option(min=100, help="At most so many tokens are measured.")] = 20_000,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Write a checkpoint in a smaller type, unless its perplexity suffers."""
    from finetune.export import export as export_model

    exported = export_model(_found(source, home), output, dtype, text, most_tokens=tokens)
    if as_json:
        _print_json({**asdict(exported), "folder": str(exported.folder)})
        return
    measured = exported.perplexity
    source = exported.source_dtype or "as published"
    typer.echo(f"{exported.dtype}, from {source}, in {exported.folder}, {_megabytes(exported.bytes)}")
    typer.echo(
        f"perplexity {measured.source} ({source}) → {measured.exported} ({exported.dtype}), ratio {measured.ratio}, "
        f"{measured.tokens} tokens"
    )


def combine(
    base: Source,
    adapters: Annotated[list[Path], typer.Argument(help="Adapter folders, or checkpoints with an adapter.")],
    data: Annotated[list[Path], typer.Option(help="Validation rows of instruction and solution.")],
    method: Annotated[Method | None, typer.Option(help="Left out: the one of the lowest loss.")] = None,
    weights: Annotated[str | None, typer.Option(help="One number for each adapter, as 1,0.5. Left out: all 1.")] = None,
    density: Annotated[float, typer.Option(help="Share of numbers that is kept, by all but linear.")] = 0.5,
    seed: Annotated[int, typer.Option(help="For what dare_... drops.")] = 1,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A new folder; left out, compare only.")] = None,
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Compare ways to combine LoRA adapters of one base, and save one of them, merged."""
    from finetune.combine import Mix
    from finetune.combined import measure_and_save

    mix = Mix(_numbers(weights) if weights else (1.0,) * len(adapters), density, seed)
    comparison, chosen = measure_and_save(_found(base, home), adapters, data, mix, method, output)
    if as_json:
        folder = str(output) if output else None
        _print_json({"losses": asdict(comparison), "method": chosen, **asdict(mix), "folder": folder})
        return
    losses = {"base": comparison.base, **comparison.adapters, **comparison.methods}
    for name, loss in losses.items():
        typer.echo(f"{printable(name):24} {loss:.4f}{'  <- chosen' if name == chosen else ''}")
    if output:
        typer.echo(f"{chosen} in {output}")


def _found(name: str, home: Path | None) -> str:
    from assistant.checkpoint import find_checkpoint

    return find_checkpoint(name, open_home(home).home / "models")


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError as fault:
        raise InputError(f"--weights {text}: write numbers with commas between, as 1,0.5") from fault


def _line(model: "Model") -> str:
    stored = model.stored
    parameters = f"{stored.parameters / 1e6:.1f} M" if stored.parameters else "-"
    made = " of ".join(filter(None, (stored.kind, stored.base)))
    about = f"cannot be used: {stored.problem}" if stored.problem else made
    sizes = f"{parameters:>9}  {stored.dtype or '-':<5} {_megabytes(stored.bytes):>10}"
    return f"{'*' if model.in_use else ' '} {printable(model.name):<24} {sizes}  {printable(about)}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _plain(model: "Model") -> dict[str, Any]:
    return {"name": model.name, **asdict(model.stored), "in_use": model.in_use}


def _print_json(value: dict[str, Any]) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))
