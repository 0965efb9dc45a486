"""cel-python's way of evaluating, with every step counted.  Used by `config.expressions` alone.

Importing this module imports cel-python.
"""

from typing import Any

import lark
from celpy import InterpretedRunner
from celpy.evaluation import Evaluator

from config import efforts


class CountingEvaluator(Evaluator):
    """Counts what it visits; the bodies of macros too."""

    def sub_evaluator(self, ast: lark.Tree[Any]) -> Evaluator:
        """Return what evaluates the body of a macro."""
        return CountingEvaluator(ast, activation=self.activation)

    def visit_children(self, tree: lark.Tree[Any]) -> list[Any]:
        """Visit, and count it."""
        efforts.spend()
        return super().visit_children(tree)


class CountingRunner(InterpretedRunner):
    """Evaluates an expression within what `config.efforts` allows."""

    def evaluate(self, context: Any) -> Any:
        """Return the value.  Raises what cel-python raises, or `EffortError`."""
        evaluator = CountingEvaluator(ast=self.ast, activation=self.new_activation())
        return evaluator.evaluate(context)
