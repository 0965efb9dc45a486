"""The names that a template reads, and where they stand.  Used by `config.templates`."""

import re
from collections.abc import Iterator, Sequence

from jinja2 import meta, nodes

from config.references import Reference, in_order


def in_template(tree: nodes.Template, text: str) -> tuple[Reference, ...]:
    """Return the names that a template takes from its values; its own variables are none."""
    free = meta.find_undeclared_variables(tree)
    found: set[Reference] = set()
    for node, guarded in _reads(tree, False):
        path = _path(node)
        if path is not None and path[0] in free:
            found.add(
                Reference(path=path, offset=_offset(path, node.lineno, text), guarded=guarded)
            )
    return in_order(found)


def _reads(node: nodes.Node, guarded: bool) -> Iterator[tuple[nodes.Node, bool]]:
    """Yield the outermost nodes that read a name; `is defined` and `default` guard theirs."""
    if isinstance(node, nodes.Test) and node.name in {"defined", "undefined"}:
        guarded = True
    if isinstance(node, nodes.Filter) and node.name in {"default", "d"}:
        guarded = True
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
        # `steps.a.name.upper()` reads `steps.a.name`; the method is no value.
        yield from _reads(node.node.node, guarded)
        for argument in [*node.args, *node.kwargs]:
            yield from _reads(argument, guarded)
        return
    if _path(node) is not None:
        yield node, guarded
        return
    for child in node.iter_child_nodes():
        yield from _reads(child, guarded)


def _path(node: nodes.Node) -> tuple[str, ...] | None:
    """Return `a.b.c` or `a['b'].c` as its parts."""
    match node:
        case nodes.Name(ctx="load"):
            return (node.name,)
        case nodes.Getattr():
            before, part = _path(node.node), node.attr
        case nodes.Getitem(arg=nodes.Const(value=str())):
            before, part = _path(node.node), node.arg.as_const()
        case _:
            return None
    return (*before, part) if before is not None else None


def _offset(path: Sequence[str], line: int, text: str) -> int:
    """Return where a name stands; Jinja tells the line only."""
    start = sum(len(each) + 1 for each in text.split("\n")[: line - 1])
    for length in range(len(path), 0, -1):
        name = r"\s*\.\s*".join(re.escape(part) for part in path[:length])
        if found := re.compile(rf"(?<![\w.]){name}(?!\w)").search(text, start):
            return found.start()
    return start
