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
_COMPARISONS: dict[type[ast.AST], Callable[[float, float], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "arctan": math.atan,
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
    "trunc": math.trunc,
    "frac": lambda value: value - math.trunc(value),
    "round": lambda value: round(value),
    "power": math.pow,
    "intpower": math.pow,
    "max": lambda first, *rest: max((first, *rest)),
    "min": lambda first, *rest: min((first, *rest)),
}
_CHOICE = ("iff", "iif", "if")
"""Condition, value if it holds, value if not."""
_OWN = re.compile(r"(?<![\w.])(?!(?:and|or|not)\b)[^\W\d]\w*", re.IGNORECASE)
"""A name of SimaPro, which may be a word of Python ("yield", "lambda")."""
_WORD = re.compile(r"\b(?:and|or|not)\b", re.IGNORECASE)
_EQUAL = re.compile(r"(?<![<>=!])=(?!=)")
_ZEROS = re.compile(r"(?<![\w.])0+(?=\d)")
"""Zeros in front of a number ("007"), which Python refuses."""
_ROUNDS = 8
"""How often calculated parameters are gone through, since each may use one after it."""
_THOUSANDS = re.compile(r"(?<![\w.,])(\d{1,3}(?:\.\d{3})+)(?=,\d)")
_FAULTS = (
    *(SyntaxError, ValueError, ArithmeticError, KeyError, TypeError, MemoryError),
    RecursionError,
)
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
            tree = ast.parse(_python(self._pointed(text)), mode="eval")
            value = self._value(tree.body)
        except _FAULTS:
            return None
        return value if math.isfinite(value) else None

    def with_parameters(
        self, given: Iterable[tuple[str, str]], calculated: Iterable[tuple[str, str]]
    ) -> Numbers:
        """The same with more parameters; calculated ones may use any that can be computed."""
        inner = Numbers(self._decimal, self._parameters)
        left = [*given, *calculated]
        for _ in range(_ROUNDS):
            missing: list[tuple[str, str]] = []
            for name, text in left:
                value = inner.plain(text)
                value = inner.computed(text) if value is None else value
                if value is None:
                    missing.append((name, text))
                else:
                    inner._parameters[name.lower()] = value
            if not missing or len(missing) == len(left):
                break
            left = missing
        return inner

    def _pointed(self, text: str) -> str:
        if self._decimal == ",":
            text = _THOUSANDS.sub(lambda found: found[1].replace(".", ""), text)
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
                return self._parameters[name[1:].lower()]
            case ast.BinOp(left=left, op=op, right=right):
                return _OPERATORS[type(op)](self._value(left), self._value(right))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._value(operand)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._value(operand)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return float(not self._value(operand))
            case ast.BoolOp(op=op, values=values):
                truth = all if isinstance(op, ast.And) else any
                return float(truth(self._value(value) for value in values))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return float(_COMPARISONS[type(op)](self._value(left), self._value(right)))
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._called(name[1:].lower(), arguments)
        raise KeyError(type(node).__name__)

    def _called(self, name: str, arguments: list[ast.expr]) -> float:
        """The value of a function; of a choice, only the branch that is taken is computed.

        Raises:
            KeyError: If there is no such function.
            TypeError: If it takes another number of arguments.
        """
        if name in _CHOICE and len(arguments) == 3:
            condition, yes, no = arguments
            return self._value(yes if self._value(condition) else no)
        return float(_FUNCTIONS[name](*map(self._value, arguments)))


def _python(text: str) -> str:
    """An expression of SimaPro in Python's signs; each name gets an underscore in front."""
    text = _EQUAL.sub("==", text.replace("^", "**").replace("<>", "!=").replace(";", ","))
    text = _ZEROS.sub("", text)
    return _WORD.sub(lambda found: found[0].lower(), _OWN.sub(r"_\g<0>", text)).strip()
