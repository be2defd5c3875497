"""Amounts of SimaPro: decimal commas, and expressions over parameters.

Expressions are computed by walking a parsed tree of numbers, names, operators and a few functions;
nothing of Python itself can be reached from them.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping

_OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "exp": math.exp,
    "ln": math.log,
    "log": math.log10,
    "log10": math.log10,
    "log2": math.log2,
    "sqr": lambda value: value * value,
    "sqrt": math.sqrt,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "int": math.trunc,
    "round": round,
}
_LONGEST = 1000
_GLUED = re.compile(r"(?<![\w.])[\d.]+(?![eE][+-]?\d)[A-Za-z_]")
"""A number run into a word ("1or 2"), at which Python's parser warns aloud."""
_COMMA = re.compile(r"(?<=\d),(?=\d)")


class Numbers:
    """Reads the numbers of one file, in its decimal form and with its parameters."""

    def __init__(self, decimal: str = ".", parameters: Mapping[str, float] | None = None) -> None:
        """Keep the decimal separator and the parameters by lower-case name."""
        self._decimal = decimal
        self._parameters = dict(parameters or {})

    def plain(self, text: str) -> float | None:
        """`text` as a number, if it is no more than one."""
        try:
            number = float(self._pointed(text))
        except ValueError:
            return None
        return number if math.isfinite(number) else None

    def computed(self, text: str) -> float | None:
        """`text` as the value of an expression, or `None` if it cannot be computed."""
        if len(text) > _LONGEST or _GLUED.search(text):
            return None
        try:
            tree = ast.parse(self._pointed(text).replace("^", "**").strip(), mode="eval")
            value = self._value(tree.body)
        except (SyntaxError, ValueError, ArithmeticError, KeyError, MemoryError, RecursionError):
            return None
        return value if math.isfinite(value) else None

    def with_parameters(
        self, given: Iterable[tuple[str, str]], calculated: Iterable[tuple[str, str]]
    ) -> Numbers:
        """The same with more parameters; calculated ones may use those before them."""
        inner = Numbers(self._decimal, self._parameters)
        for name, text in (*given, *calculated):
            value = inner.plain(text)
            if value is None:
                value = inner.computed(text)
            if value is not None:
                inner._parameters[name.lower()] = value
        return inner

    def _pointed(self, text: str) -> str:
        if self._decimal == ",":
            return _COMMA.sub(".", text)
        return text

    def _value(self, node: ast.expr) -> float:
        """The value of a tree.

        Raises:
            KeyError: If a name, function or kind of node is not known.
        """
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name):
                return self._parameters[name.lower()]
            case ast.BinOp(left=left, op=op, right=right):
                return _OPERATORS[type(op)](self._value(left), self._value(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._value(operand)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._value(operand)
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]):
                return float(_FUNCTIONS[name.lower()](self._value(argument)))
        raise KeyError(type(node).__name__)
