"""Jinja2 templates: sandboxed, strict about missing values, bounded in what they put out.

Inputs of steps, texts for people and messages are templates.  `flows` renders them,
`config.checks` parses every one at start-up.  A string that is one `{{ expression }}` and nothing
else gives the value itself, so that `revision: "{{ steps.history.last_good }}"` is a number.

Templates come from configuration, but what they are filled with comes from people and networks:
with `mrkdwn=True` values are escaped for Slack, so that a reason can never ping a channel.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any, TypeVar

from jinja2 import Template, TemplateSyntaxError, Undefined
from jinja2.environment import TemplateExpression
from jinja2.exceptions import SecurityError, TemplateAssertionError, UndefinedError
from jinja2.exceptions import TemplateError as JinjaError

from config import efforts, filters, names
from config.places import did_you_mean
from config.references import Reference, first_missing
from config.sandboxes import StrictEnvironment

MAX_OUTPUT = 20_000

Values = Mapping[str, Any]
T = TypeVar("T")


class TemplateError(Exception):
    """A template can't be parsed or rendered.  `offset` points into its text."""

    def __init__(self, message: str, *, text: str, offset: int = 0) -> None:
        self.message = message
        self.text = text
        self.offset = offset
        super().__init__(message)


class MissingValueError(TemplateError):
    """A template needs a value that is not there.  `path` names it: `steps.history.last_good`."""

    def __init__(self, path: str, *, text: str, offset: int = 0) -> None:
        self.path = path
        super().__init__(f"`{path}` is not known", text=text, offset=offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A parsed template.  `native` is there where the whole text is one expression."""

    text: str
    references: tuple[Reference, ...]
    template: Template
    native: TemplateExpression | None


def compile_template(text: str, *, mrkdwn: bool = False) -> Compiled:
    """Parse a template.  Raises `TemplateError` with the place of what is wrong."""
    return _compiled(text, mrkdwn)


def references(text: str) -> frozenset[str]:
    """Return the dotted names that a template reads: `steps.history.last_good`."""
    if "{" not in text:
        return frozenset()
    return frozenset(reference.name for reference in compile_template(text).references)


def render(text: str, values: Values, *, mrkdwn: bool = False) -> str:
    """Fill a template in.  With `mrkdwn` the values, not the template, are escaped for Slack.

    Raises `MissingValueError` that names what is missing, or `TemplateError`.
    """
    compiled = compile_template(text, mrkdwn=mrkdwn)
    return _guarded(compiled, values, partial(_written, compiled.template, values, text))


def render_value(text: str, values: Values) -> Any:
    """Fill a template in; one that is a single expression gives its value as it is."""
    compiled = compile_template(text)
    if compiled.native is None:
        return render(text, values)
    result = _guarded(compiled, values, partial(compiled.native, **values))
    if isinstance(result, Undefined):
        raise _missing_error(compiled, values)
    return result


def render_inputs(inputs: Mapping[str, Any], values: Values) -> dict[str, Any]:
    """Fill in every text of an action's inputs, however deep; keys stay as they are."""
    return {key: _filled(value, values) for key, value in inputs.items()}


def _filled(value: Any, values: Values) -> Any:
    match value:
        case str():
            return render_value(value, values) if "{" in value else value
        case Mapping():
            return render_inputs(value, values)
        case list() | tuple():
            return [_filled(item, values) for item in value]
        case _:
            return value


@lru_cache(maxsize=1_024)
def _compiled(text: str, mrkdwn: bool) -> Compiled:
    environment = _environment(mrkdwn)
    try:
        tree = environment.parse(text)
        environment.refuse(tree)
        found = names.in_template(tree, text)
        tree = environment.bound(tree)
        template = environment.from_string(tree)
        native = environment.native(tree)
    except TemplateSyntaxError as error:
        raise _syntax_error(error, text, environment) from None
    except SecurityError as error:
        raise TemplateError(str(error), text=text) from None
    except RecursionError:
        raise TemplateError("the template is nested too deeply", text=text) from None
    return Compiled(text=text, references=found, template=template, native=native)


def _syntax_error(
    error: TemplateSyntaxError, text: str, environment: StrictEnvironment
) -> TemplateError:
    message = error.message or "this is not a valid template"
    offset = sum(len(line) + 1 for line in text.splitlines()[: error.lineno - 1])
    if isinstance(error, TemplateAssertionError) and "No filter named" in message:
        word = message.partition("'")[2].partition("'")[0]
        message = f"there is no filter `{word}` ({did_you_mean(word, environment.filters)})"
        offset = max(text.find(word, offset), offset)
    elif (start := text.find("{", offset)) >= 0:
        offset = start
    return TemplateError(f"broken template: {message}", text=text, offset=offset)


def _guarded(compiled: Compiled, values: Values, call: Callable[[], T]) -> T:
    """Call Jinja and turn its errors into ours, naming the value that is missing."""
    text = compiled.text
    try:
        with efforts.bounded():
            return call()
    except TemplateError:
        raise
    except efforts.EffortError as error:
        raise TemplateError(str(error), text=text) from None
    except UndefinedError:
        raise _missing_error(compiled, values) from None
    except JinjaError as error:
        raise TemplateError(error.message or "it can't be filled in", text=text) from None
    except RecursionError:
        raise TemplateError("the template is nested too deeply", text=text) from None
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        if first_missing(compiled.references, values):
            raise _missing_error(compiled, values) from None
        raise TemplateError(f"it can't be filled in: {error}", text=text) from None


def _missing_error(compiled: Compiled, values: Values) -> MissingValueError:
    found = first_missing(compiled.references, values)
    if found is None:  # missing inside a list, or of a variable of the template's own
        return MissingValueError(compiled.text.strip("{} -+"), text=compiled.text)
    path, reference = found
    return MissingValueError(path, text=compiled.text, offset=reference.offset)


def _written(template: Template, values: Values, text: str) -> str:
    """Write a template out piece by piece, so that one without end is stopped."""
    pieces: list[str] = []
    length = 0
    for piece in template.generate(**values):
        length += len(piece)
        if length > MAX_OUTPUT:
            message = f"the text grows beyond {MAX_OUTPUT} characters"
            raise TemplateError(message, text=text)
        pieces.append(piece)
    return "".join(pieces)


@cache
def _environment(mrkdwn: bool) -> StrictEnvironment:
    finalize = filters.escape_mrkdwn if mrkdwn else filters.shown
    return StrictEnvironment(finalize)
