"""Help pages as people expect them: a switch stands there without the type of a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

if TYPE_CHECKING:
    from collections.abc import Sequence


class Command(TyperCommand):
    """A command whose switches show no `<bool>`, for they take no value."""

    def get_params(self, ctx: typer.Context) -> list:  # type: ignore[override,type-arg]
        """The parameters, `--help` among them."""
        return _without_types(super().get_params(ctx))


class Group(TyperGroup):
    """The same for the options before a command's name."""

    def get_params(self, ctx: typer.Context) -> list:  # type: ignore[override,type-arg]
        """The parameters, `--help` among them."""
        return _without_types(super().get_params(ctx))


def _without_types(parameters: Sequence[object]) -> list[object]:
    for parameter in parameters:
        if isinstance(parameter, TyperOption) and parameter.is_flag and parameter.metavar is None:
            parameter.metavar = ""
    return list(parameters)
