"""Mutants: every small fault that can be planted in a module, each as a change of one expression.

A mutant goes by the function that it is in and by what it changes, never by its module or line: these move.
"""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

Node = ast.expr | ast.stmt
MODULE = "(module)"
"""What a mutant outside functions and classes is named as being within."""

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}


@dataclass(frozen=True, slots=True, order=True)
class Mutant:
    """One fault: in ``file`` the text from ``start`` to ``end`` becomes ``new``. ``line`` is for people."""

    file: Path
    start: int
    end: int
    line: int
    within: str
    old: str
    new: str

    @property
    def name(self) -> str:
        """What it is known by, whatever its module is called: `judge: a in b -> a not in b`."""
        return f"{self.within}: {' '.join(self.old.split())} -> {' '.join(self.new.split())}"

    def planted(self) -> str:
        """The module's text with the fault in it."""
        data = self.file.read_bytes()
        return (data[: self.start] + f"({self.new})".encode() + data[self.end :]).decode()


def mutants_of(file: Path) -> list[Mutant]:
    """Every mutant of a module, in the order of its text."""
    data = file.read_bytes()
    lines = [0]
    for line in data.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    found = []
    for node, scope in _walk(ast.parse(data), ()):
        for new in _faults(node):
            start = lines[node.lineno - 1] + node.col_offset
            end = lines[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
            within = ".".join(each.name for each in scope) or MODULE
            found.append(Mutant(file, start, end, node.lineno, within, data[start:end].decode(), new))
    return sorted(set(found))


Scope = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _walk(node: ast.AST, scope: tuple[Scope, ...]) -> Iterator[tuple[ast.expr, tuple[Scope, ...]]]:
    """Every expression that runs, with the classes and functions around it. What only checkers read is left out."""
    if isinstance(node, ast.expr) and not isinstance(node, ast.JoinedStr):
        yield node, scope
    if isinstance(node, ast.JoinedStr | ast.Assert | ast.Import | ast.ImportFrom | ast.Global):
        return
    inner = (*scope, node) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else scope
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "type_params", "keywords_of_class"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_text(child) and not _asserts(child):
                yield from _walk(child, inner)


def _asserts(node: ast.AST) -> bool:
    """The `strict` of a `zip`, an assertion like `assert`: what is zipped has one length, whatever the input."""
    return isinstance(node, ast.keyword) and node.arg == "strict"


def _is_text(node: ast.AST) -> bool:
    """A docstring, or another string that stands by itself."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _faults(node: ast.expr) -> Iterator[str]:
    """What an expression may become."""
    match node:
        case ast.Compare(left, [operator], [right]) if type(operator) in _SWAPS:
            yield ast.unparse(ast.Compare(left, [_SWAPS[type(operator)]()], [right]))  # type: ignore[list-item]
        case ast.BoolOp(operator, values):
            yield ast.unparse(ast.BoolOp(_SWAPS[type(operator)](), values))  # type: ignore[arg-type]
            yield from (ast.unparse(ast.BoolOp(operator, rest)) for rest in _without_one(values))
        case ast.BinOp(left, operator, right) if type(operator) in _SWAPS:
            yield ast.unparse(ast.BinOp(left, _SWAPS[type(operator)](), right))  # type: ignore[arg-type]
        case ast.UnaryOp(ast.Not(), operand):
            yield ast.unparse(operand)
        case ast.IfExp(_, body, otherwise):
            yield ast.unparse(body)
            yield ast.unparse(otherwise)
        case ast.Constant(bool() as value):
            yield repr(not value)
        case ast.Constant(int() as value):
            yield repr(value + 1)
        case _:
            yield from _fewer(node)


def _fewer(node: ast.expr) -> Iterator[str]:
    """A collection without one of its constants, or with what a condition keeps out of it."""
    match node:
        case ast.Tuple(elements, ast.Load()) if _constants(elements):
            yield from (ast.unparse(ast.Tuple(rest, ast.Load())) for rest in _without_one(elements))
        case ast.Set(elements) if _constants(elements):
            yield from (ast.unparse(ast.Set(rest)) for rest in _without_one(elements))
        case ast.GeneratorExp() | ast.ListComp() | ast.SetComp() if node.generators[-1].ifs:
            yield _unfiltered(node)


def _constants(elements: Sequence[ast.expr]) -> bool:
    return all(isinstance(each, ast.Constant) for each in elements)


def _without_one(values: list[ast.expr]) -> Iterator[list[ast.expr]]:
    yield from ([*values[:number], *values[number + 1 :]] for number in range(len(values)) if len(values) > 1)


def _unfiltered(node: ast.GeneratorExp | ast.ListComp | ast.SetComp) -> str:
    """A comprehension without its last condition."""
    *rest, last = node.generators
    bare = ast.comprehension(last.target, last.iter, last.ifs[:-1], last.is_async)
    return ast.unparse(type(node)(node.elt, [*rest, bare]))
