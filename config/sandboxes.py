"""The Jinja2 environment: what templates may do, and no more.  Used by `config.templates`."""

from collections.abc import Callable
from typing import Any

from jinja2 import StrictUndefined, Undefined, nodes
from jinja2.environment import TemplateExpression
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from config import efforts, filters

# Filters that only look at values and whose output can't grow far beyond them.
HARMLESS = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items",
    "join", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr",
    "replace", "reverse", "round", "select", "selectattr", "sort", "string", "sum", "title",
    "tojson", "trim", "truncate", "unique", "upper",
)  # fmt: skip
METHODS = (
    "capitalize", "changed", "count", "cycle", "endswith", "find", "get", "index", "isalnum",
    "isalpha", "isdigit", "items", "keys", "lower", "lstrip", "partition", "removeprefix",
    "removesuffix", "rpartition", "rsplit", "rstrip", "split", "startswith", "strip", "title",
    "upper", "values",
)  # fmt: skip
"""Methods of texts, lists and mappings, and of loops, that can be called."""
STRANGE: tuple[tuple[type[nodes.Node], str], ...] = (
    (nodes.Include, "load another one"),
    (nodes.Import, "load another one"),
    (nodes.FromImport, "load another one"),
    (nodes.Extends, "load another one"),
    (nodes.Macro, "define macros"),
    (nodes.CallBlock, "define macros"),
    (nodes.FilterBlock, "filter blocks"),
    (nodes.AssignBlock, "set a name to a block"),
    (nodes.Block, "define blocks"),
)
COUNTED, FITTING, JOINED = "_counted", "_fitting", "_joined"


class StrictEnvironment(ImmutableSandboxedEnvironment):
    """Strict about missing values; no globals, no other templates, few filters, bounded work."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})

    def __init__(self, finalize: Callable[[Any], Any]) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, finalize=finalize)
        self.globals.clear()
        self.filters = {name: self.filters[name] for name in HARMLESS}
        self.filters |= {"percent": filters.percent, "duration": filters.duration}
        self.filters |= filters.bounded(self.filters)
        self.filters |= {COUNTED: efforts.counted, FITTING: efforts.fits, JOINED: filters.joined}

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse the operators with which a short template makes a huge value."""
        numbers = all(isinstance(operand, int | float) for operand in (left, right))
        if operator == "**" or not (numbers or operator == "+"):
            raise SecurityError(f"templates can't use `{operator}` here")
        efforts.fits((left, right))
        return efforts.fits(super().call_binop(context, operator, left, right))

    def is_safe_callable(self, obj: Any) -> bool:
        """Say whether a template may call this: methods that only look, and no others."""
        if isinstance(obj, Undefined):
            return True  # calling it says what is missing
        name = getattr(obj, "__name__", "")
        return name in METHODS and bool(super().is_safe_callable(obj))

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call what may be called."""
        if not __self.is_safe_callable(__obj):
            name = getattr(__obj, "__name__", "this")
            raise SecurityError(f"templates can't call `{name}` here")
        return super().call(__context, __obj, *args, **kwargs)

    def refuse(self, tree: nodes.Template) -> None:
        """Raise `SecurityError` or a syntax error for what could only fail when it is rendered."""
        for kind, does in STRANGE:
            for node in tree.find_all(kind):
                raise TemplateSyntaxError(f"a template can't {does}", node.lineno)
        for loop in tree.find_all(nodes.For):
            if loop.recursive:
                raise TemplateSyntaxError("a loop can't call itself", loop.lineno)
        for test in tree.find_all(nodes.Test):
            if test.name not in self.tests:
                raise TemplateSyntaxError(f"there is no test `{test.name}`", test.lineno)
        for each in tree.find_all(nodes.Filter):
            if each.name.startswith("_"):
                raise TemplateSyntaxError(f"there is no filter `{each.name}`", each.lineno)

    def bound(self, tree: nodes.Template) -> nodes.Template:
        """Have a template's loops counted, and what it makes on the way measured."""
        return _Bounds().visit(tree)  # type: ignore[no-any-return]  # Jinja has no types there

    def native(self, tree: nodes.Template) -> TemplateExpression | None:
        """Return the expression that a template consists of, if it is one and nothing else."""
        if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output):
            return None
        parts = [part for part in tree.body[0].nodes if not _is_blank(part)]
        if len(parts) != 1 or isinstance(parts[0], nodes.TemplateData):
            return None
        # The same that Environment.compile_expression does, from a tree instead of from text.
        assign = nodes.Assign(nodes.Name("result", "store"), parts[0], lineno=1)
        template = self.from_string(nodes.Template([assign], lineno=1))
        return TemplateExpression(template, undefined_to_none=False)


class _Bounds(NodeTransformer):
    """Puts filters that count and measure where a template could make much of little."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802  # as Jinja names them
        self.generic_visit(node)
        node.iter = _filtered(node.iter, COUNTED)
        return node

    def visit_Assign(self, node: nodes.Assign) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.node = _filtered(node.node, FITTING)
        return node

    def visit_With(self, node: nodes.With) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        node.values = [_filtered(each, FITTING) for each in node.values]
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), JOINED)


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    filtered = nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)
    if node.environment is not None:
        filtered.set_environment(node.environment)
    return filtered


def _is_blank(node: nodes.Node) -> bool:
    return isinstance(node, nodes.TemplateData) and not node.data.strip()
