"""The Jinja2 environment: what templates may do, and no more.  Used by `config.templates`."""

from collections.abc import Callable
from typing import Any

from jinja2 import StrictUndefined, nodes
from jinja2.environment import TemplateExpression
from jinja2.exceptions import SecurityError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from config import filters

# Filters that only look at values and whose output can't grow far beyond them.
HARMLESS = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items",
    "join", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr",
    "replace", "reverse", "round", "select", "selectattr", "sort", "string", "sum", "title",
    "tojson", "trim", "truncate", "unique", "upper",
)  # fmt: skip


class StrictEnvironment(ImmutableSandboxedEnvironment):
    """Strict about missing values; no globals, no other templates, few filters."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, finalize: Callable[[Any], Any]) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, finalize=finalize)
        self.globals.clear()
        self.filters = {name: self.filters[name] for name in HARMLESS}
        self.filters |= {"percent": filters.percent, "duration": filters.duration}

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Refuse the operators with which a short template makes a huge value."""
        numbers = all(isinstance(operand, int | float) for operand in (left, right))
        if operator == "**" or not numbers:
            raise SecurityError(f"templates can't use `{operator}` here")
        return super().call_binop(context, operator, left, right)

    def refuse(self, tree: nodes.Template) -> None:
        """Raise `SecurityError` or a syntax error for what could only fail when it is rendered."""
        for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
            raise TemplateSyntaxError("a template can't load another one", node.lineno)
        for test in tree.find_all(nodes.Test):
            if test.name not in self.tests:
                raise TemplateSyntaxError(f"there is no test `{test.name}`", test.lineno)

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


def _is_blank(node: nodes.Node) -> bool:
    return isinstance(node, nodes.TemplateData) and not node.data.strip()
