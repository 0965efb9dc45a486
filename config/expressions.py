"""CEL expressions: compiled once, evaluated over plain JSON-like values.

Conditions, criteria and facts in the YAML files are CEL.  `flows` evaluates them, `config.checks`
compiles every one at start-up.  Two rules make them fit for decisions:

- A value that is not known (a fact that could not be looked up, a step that did not run, a null)
  makes the result unknown, never false: `UnknownValueError`, or None from `evaluate_condition`.
  `||` and `&&` still decide where the other side settles it.
- Numbers compare as numbers.  `facts.availability < 0.9` holds for 0 as well as for 0.5, and
  `output.ready / output.desired` is a fraction (JSON has no integers, says CEL's own mapping).

cel-python is imported on first use: it costs 90 ms, which a start-up need not pay.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from math import isnan
from typing import TYPE_CHECKING, Any

from config import efforts
from config.references import Reference, first_missing, in_order

if TYPE_CHECKING:
    from celpy import Environment, Runner
    from lark import Token, Tree

MAX_LENGTH = 2_000
MACROS = frozenset({"all", "exists", "exists_one", "filter", "map"})
FORMS = frozenset({"has", "dyn"})
ENDS = frozenset({"ident", "dot_ident", "ident_arg", "dot_ident_arg", "list_lit", "map_lit"})

Values = Mapping[str, Any]


class ExpressionError(Exception):
    """An expression can't be compiled, or its values don't fit it.  Shows the text and a caret."""

    def __init__(self, message: str, *, text: str, offset: int = 0) -> None:
        self.message = message
        self.text = text
        self.offset = offset
        line_start = text.rfind("\n", 0, offset) + 1
        line = text[line_start:].partition("\n")[0]
        super().__init__(f"{message}\n  {line}\n  {' ' * (offset - line_start)}^")

    @property
    def column(self) -> int:
        """The column in its line, from 1."""
        return self.offset - self.text.rfind("\n", 0, self.offset)


class UnknownValueError(ExpressionError):
    """An expression needs a value that is not known.  `path` names it: `facts.availability`."""

    def __init__(self, path: str, *, text: str, offset: int = 0) -> None:
        self.path = path
        super().__init__(f"`{path}` is not known", text=text, offset=offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """A compiled expression."""

    text: str
    references: tuple[Reference, ...]
    program: "Runner" = field(repr=False, compare=False)


@lru_cache(maxsize=1_024)
def compile_expression(text: str) -> Expression:
    """Compile CEL text.  Raises `ExpressionError` with the place of what is wrong."""
    from celpy.celparser import CELParseError

    from config import operators

    if len(text) > MAX_LENGTH:
        message = f"the expression is longer than {MAX_LENGTH} characters"
        raise ExpressionError(message, text=text[:80])
    environment = _environment()
    reader = _Reader(text, operators.functions())
    try:
        tree = environment.compile(text)
        reader.read(tree, frozenset())
    except CELParseError as error:
        raise ExpressionError(
            "this is not valid CEL", text=text, offset=_offset(text, error)
        ) from None
    except RecursionError:
        raise ExpressionError("the expression is nested too deeply", text=text) from None
    program = environment.program(tree, functions=operators.overrides())
    return Expression(text=text, references=in_order(reader.found), program=program)


@cache
def _environment() -> "Environment":
    import celpy

    from config.runners import CountingRunner

    return celpy.Environment(runner_class=CountingRunner)


def _offset(text: str, error: Any) -> int:
    line, column = error.line or 1, error.column or 1
    starts = [0] + [index + 1 for index, each in enumerate(text) if each == "\n"]
    return min(starts[min(line, len(starts)) - 1] + column - 1, max(len(text) - 1, 0))


def evaluate(expression: Expression, values: Values) -> Any:
    """Return what the expression gives, as plain Python values; numbers without a fraction as int.

    Raises `UnknownValueError` where a value that it needs is missing or null, `ExpressionError`
    where the values don't fit (a text compared with a number).
    """
    from celpy.evaluation import CELEvalError

    from config import operators

    activation = {name: operators.to_cel(_known(name, value)) for name, value in values.items()}
    try:
        with efforts.bounded():
            return operators.to_plain(expression.program.evaluate(activation))
    except efforts.EffortError as error:
        raise ExpressionError(str(error), text=expression.text) from None
    except CELEvalError as error:
        if missing := first_missing(expression.references, values, _is_unknown):
            path, reference = missing
            offset = reference.offset
            raise UnknownValueError(path, text=expression.text, offset=offset) from None
        if _is_lookup(error):
            key = operators.missing_key(error)
            raise UnknownValueError(key, text=expression.text) from None
        raise ExpressionError(operators.reason(error), text=expression.text) from None
    except RecursionError:
        message = "the expression is nested too deeply"
        raise ExpressionError(message, text=expression.text) from None


def evaluate_condition(expression: Expression, values: Values) -> bool | None:
    """Return whether a condition holds, or None where that is not known.

    Raises `ExpressionError` where the expression is no condition for these values.
    """
    try:
        result = evaluate(expression, values)
    except UnknownValueError:
        return None
    if isinstance(result, bool):
        return result
    if result is None:
        return None
    raise ExpressionError("a condition must give true or false", text=expression.text)


def _known(name: str, value: Any) -> Any:
    """Leave out facts that are null: a look that failed left them unknown."""
    if name == "facts" and isinstance(value, Mapping):
        return {key: each for key, each in value.items() if not _is_unknown(each)}
    return value


def _is_unknown(value: Any) -> bool:
    return value is None or (isinstance(value, float) and isnan(value))


def _is_lookup(error: Exception) -> bool:
    return len(error.args) > 1 and error.args[1] in (KeyError, IndexError)


class _Reader:
    """Walks a syntax tree for the names that it reads and the functions that it calls."""

    def __init__(self, text: str, functions: frozenset[str]) -> None:
        self.found: set[Reference] = set()
        self._text = text
        self._functions = functions

    def read(self, tree: "Tree[Token]", bound: frozenset[str], *, guarded: bool = False) -> None:
        """Collect references below a node; `bound` are the variables of macros around it."""
        node = _inner(tree)
        if isinstance(node, str):
            return
        if (chain := _chain(node)) is not None:
            if chain[0].value not in bound:
                self._note(chain, guarded=guarded)
            return
        children = list(node.children)
        if node.data in {"ident_arg", "dot_ident_arg"}:
            self._called(children[0])
            guarded = guarded or _word(children[0]) == "has"
        elif node.data == "member_dot_arg":
            bound = self._macro(children, bound, guarded=guarded)
            children = children[2:]
        for child in children:
            if not isinstance(child, str):
                self.read(child, bound, guarded=guarded)

    def _macro(
        self, children: list[Any], bound: frozenset[str], *, guarded: bool
    ) -> frozenset[str]:
        """Read `target.method(…)`; a macro's first argument is a variable for the others."""
        self.read(children[0], bound, guarded=guarded)
        if _word(children[1]) not in MACROS:
            self._called(children[1])
            return bound
        arguments = children[2].children if len(children) > 2 else []
        variable = _chain(arguments[0]) if arguments else None
        return bound | {variable[0].value} if variable else bound

    def _called(self, token: Any) -> None:
        name = _word(token)
        if name not in self._functions | FORMS:
            message = f"there is no function `{name}`"
            raise ExpressionError(message, text=self._text, offset=token.start_pos or 0)

    def _note(self, chain: "list[Token]", *, guarded: bool) -> None:
        path = tuple(str(token) for token in chain)
        self.found.add(Reference(path=path, offset=chain[0].start_pos or 0, guarded=guarded))


def _word(token: Any) -> str:
    return str(token)


def _inner(node: Any) -> Any:
    """See through nodes with a single child: the grammar has one for each precedence."""
    while not isinstance(node, str) and len(node.children) == 1 and node.data not in ENDS:
        node = node.children[0]
    return node


def _chain(tree: Any) -> "list[Token] | None":
    """Return `a.b.c` as its tokens, None for anything else."""
    node = _inner(tree)
    if isinstance(node, str):
        return None
    if node.data in {"ident", "dot_ident"}:
        return [node.children[0]]
    if node.data == "member_dot":
        before = _chain(node.children[0])
        return [*before, node.children[1]] if before is not None else None
    return None
