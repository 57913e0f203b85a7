"""Lists of small forms that a person adds to and takes from: the examples of a prompt, the contestants of a session."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from app.scripts import script
from assistant.errors import InputError


def build_rows(name: str, row: str, *, label: str, add: str, elem_id: str, value: str = "[]") -> gr.HTML:
    """A list of rows called `name` with a number; `row` is the HTML of the labelled fields of one, each `data-field`.

    The value is JSON, read by `rows_of`. `row` must hold nothing that people wrote: Gradio evaluates templates.
    """
    template = (
        f'<div class="fn-rows" role="group" aria-label="{label}"></div>'
        f'<template data-name="{name}"><fieldset class="fn-row"><legend></legend>{row}'
        '<button type="button" class="fn-small" data-act="remove">Remove</button></fieldset></template>'
        f'<button type="button" class="fn-small fn-add" data-act="add">{add}</button>'
    )
    return gr.HTML(
        value, html_template=template, js_on_load=script("rows.js"), elem_id=elem_id, elem_classes="fn-rows-of"
    )


def rows_of(value: object) -> list[dict[str, str]]:
    """The rows that the browser sends. Raises InputError where it sends something else."""
    try:
        rows = json.loads(str(value or "[]"))
    except ValueError:
        rows = None
    if not isinstance(rows, list) or not all(_is_row(row) for row in rows):
        raise InputError("the page sent rows that cannot be read; reload it")
    return rows


def rows_value(rows: Sequence[Mapping[str, str]]) -> str:
    """The inverse of `rows_of`."""
    return json.dumps([dict(row) for row in rows], ensure_ascii=False)


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and all(isinstance(field, str) for field in row.values())
