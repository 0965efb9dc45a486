"""The loader: what is right is loaded, what is wrong is said by line and column, all at once."""

from pathlib import Path

import pytest

from config.documents import MAX_CHARACTERS, parse
from config.loader import load_system, load_systems
from config.places import ConfigurationError, did_you_mean
from tests.config import examples


def complaints(folder: Path, name: str, old: str, new: str) -> list[str]:
    """Return what the loader says about a system in which one text is replaced."""
    root = examples.write(folder, {name: (old, new)})
    with pytest.raises(ConfigurationError) as caught:
        load_system(root)
    return [str(problem).removeprefix(f"{root}/") for problem in caught.value.problems]


def broken(text: str) -> list[str]:
    """Return what is said about the form of a YAML text."""
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "f.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_a_system_is_loaded(tmp_path: Path) -> None:
    """Every file becomes a model, every message a text."""
    (bundle,) = load_systems(examples.write(tmp_path).parent)
    assert bundle.system.title == "Shop"
    assert [person.name for person in bundle.people.with_role("lead")] == ["Cleo", "Dan"]
    assert bundle.policy.targets[0].rto.total_seconds() == 600
    assert [step.id for step in bundle.procedures["service"].steps()] == [
        "history", "rollback", "wait", "tell", "criterion",
    ]  # fmt: skip
    assert list(bundle.messages) == ["done.md"]


def test_a_system_knows_where_the_files_of_its_steps_are(tmp_path: Path) -> None:
    """The folder is known, and what stands in its `files` is nobody's mistake."""
    root = examples.write(tmp_path)
    (root / "files").mkdir()
    (root / "files" / "page.html").write_text("text")
    bundle = load_system(root)
    assert bundle.system.folder == root
    assert bundle.system == load_system(root).system


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        (
            "procedures/service.yaml",
            "title: Roll back\nclass",
            "titel: Roll back\nclass",
            [
                "procedures/service.yaml:1:1: `title` is missing",
                "procedures/service.yaml:2:1: unknown key `titel` (did you mean `title`?)",
            ],
        ),
        (
            "procedures/service.yaml",
            "    within: 10m",
            "    wihtin: 10m",
            ["procedures/service.yaml:34:5: unknown key `wihtin` (did you mean `within`?)"],
        ),
        (
            "procedures/service.yaml",
            "        within: 5m",
            "        wihtin: 5m",
            ["procedures/service.yaml:23:9: unknown key `wihtin` (did you mean `within`?)"],
        ),
        (
            "procedures/service.yaml",
            "hold_for: 1m",
            "hold_for: a while",
            [
                ("procedures/service.yaml:35:15: expected a duration such as 30s, 5m, 1h30m or 30d,"
                " found `a while`")
            ],
        ),
        (
            "procedures/service.yaml",
            "uses: helm.history",
            "uses: history",
            [
                ("procedures/service.yaml:10:11: expected an action such as `helm.rollback`,"
                " found `history`")
            ],
        ),
        (
            "procedures/service.yaml",
            "inputs:\n  release: {default: shop}",
            "inputs: [release]",
            [
                ("procedures/service.yaml:5:9: expected a mapping (`key: value` lines),"
                " found a list")
            ],
        ),
        (
            "procedures/service.yaml",
            "  - parallel:",
            "  - paralel:",
            [
                ("procedures/service.yaml:19:5: `id` is missing"
                " (Unique in the procedure; templates say `steps.<id>`)"),
                "procedures/service.yaml:19:5: `title` is missing (What people read on the card)",
                "procedures/service.yaml:19:5: `uses` is missing",
                "procedures/service.yaml:19:5: unknown key `paralel` (did you mean `parallel`?)",
            ],
        ),
        (
            "policy.yaml",
            "severity: critical",
            "severity: criticle",
            [
                ("policy.yaml:16:15: expected one of critical, high, medium, low,"
                " found `criticle` (did you mean `critical`?)")
            ],
        ),
        (
            "policy.yaml",
            "        - any_of: [oncall, lead]\n      limit",
            "        - any_of: []\n      limit",
            ["policy.yaml:22:19: expected at least 1 of them, found an empty list"],
        ),
        (
            "policy.yaml",
            "limit: 5m",
            "limit: [5m]",
            ["policy.yaml:23:14: expected a duration such as 30s, 5m, 1h30m or 30d, found a list"],
        ),
        (
            "people.yaml",
            "email: ann@shop.test",
            "email: ann",
            ["people.yaml:5:33: expected an e-mail address, found `ann`"],
        ),
        (
            "people.yaml",
            "  lead: {",
            "  Lead Role: {",
            [
                ("people.yaml:3:3: the key `Lead Role` must be"
                " a name of lower-case letters, digits, `-` and `_`")
            ],
        ),
        (
            "people.yaml",
            "level: 2",
            "level: zero",
            ["people.yaml:11:13: expected a whole number, found `zero`"],
        ),
        (
            "system.yaml",
            '"https://prometheus.shop.test"',
            "prometheus",
            [
                ("system.yaml:7:21: expected an address that begins with https:// or http://,"
                " or `env:NAME`, found `prometheus`")
            ],
        ),
        (
            "system.yaml",
            "system: shop",
            "system: store",
            [("system.yaml:1:9: the system `store` stands in a folder named `shop`"
             " (name both the same)")],
        ),
        (
            "system.yaml",
            "title: Shop",
            "title: Shop\ntitle: Store",
            ["system.yaml:3:1: the key `title` is there twice (it stands in line 2 as well)"],
        ),
        (
            "procedures/service.yaml",
            "procedure: service",
            "procedure: other",
            [("procedures/service.yaml:1:12: the procedure `other` stands in `service.yaml`"
             " (name both the same)")],
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(
    name: str, old: str, new: str, said: list[str], tmp_path: Path
) -> None:
    """A complaint has file, line, column, what was expected, and the nearest valid word."""
    assert complaints(tmp_path, name, old, new) == said


def test_every_file_is_complained_about_at_once(tmp_path: Path) -> None:
    """Nobody has to mend one mistake to learn of the next."""
    root = examples.write(tmp_path)
    for name in ("system.yaml", "people.yaml", "policy.yaml", "procedures/service.yaml"):
        path = root / name
        path.write_text(path.read_text() + "surprise: 1\n")
    with pytest.raises(ConfigurationError) as caught:
        load_systems(tmp_path)
    assert len(caught.value.problems) == 4
    assert all("unknown key `surprise`" in problem.message for problem in caught.value.problems)
    assert len(str(caught.value).splitlines()) == 4


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A system needs its three files."""
    root = examples.write(tmp_path)
    (root / "people.yaml").unlink()
    with pytest.raises(ConfigurationError, match=r"people\.yaml:1:1: this file is missing"):
        load_system(root)


def test_a_misspelt_file_does_not_pass_silently(tmp_path: Path) -> None:
    """A file that nothing reads is a mistake; hidden ones and a README are none."""
    root = examples.write(tmp_path)
    for name in ("polcy.yaml", "procedures/gradual.yml", "messages/x.txt", "README.md", ".swp"):
        (root / name).write_text("text")
    with pytest.raises(ConfigurationError) as caught:
        load_system(root)
    assert [problem.hint for problem in caught.value.problems] == [
        "known: `x.md`",
        "did you mean `policy.yaml`?",
        "did you mean `gradual.yaml`?",
    ]


def test_a_folder_without_systems_is_refused(tmp_path: Path) -> None:
    """A wrong BACKOUT_SYSTEMS is said at once."""
    with pytest.raises(ConfigurationError, match="no system is in this folder"):
        load_systems(tmp_path)
    with pytest.raises(ConfigurationError, match="no such folder"):
        load_systems(tmp_path / "absent")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Broken encodings are named, not guessed."""
    root = examples.write(tmp_path)
    (root / "system.yaml").write_bytes(b"system: sh\xfcp")
    with pytest.raises(ConfigurationError, match="not UTF-8 text"):
        load_system(root)


def test_a_byte_order_mark_is_let_pass(tmp_path: Path) -> None:
    """Some editors write one."""
    root = examples.write(tmp_path)
    path = root / "system.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_system(root).system.system == "shop"


def test_a_huge_message_is_refused(tmp_path: Path) -> None:
    """A message template has a limit."""
    root = examples.write(tmp_path)
    (root / "messages" / "done.md").write_text("x" * 20_000)
    with pytest.raises(ConfigurationError, match="longer than"):
        load_system(root)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1\nb: 2", [("f.yaml:2:2: broken YAML: did not find expected ',' or ']'"
                         " (while parsing a flow sequence that begins in line 1)")]),
        ("a: b: c", [("f.yaml:1:5: broken YAML: mapping values are not allowed in this context"
                     " (is a value with `: ` in it left unquoted, or a line indented too far?)")]),
        ("a:\n\tb: 1", [("f.yaml:2:1: broken YAML: found character that cannot start any token"
                        " (indent with spaces, not tabs, and put quotes around what begins"
                        " with @ or `)")]),
        ("a: 1\n---\nb: 2", [("f.yaml:2:1: broken YAML: but found another document"
                             " (one document a file: remove the `---`)")]),
        ("a: *nope", ["f.yaml:1:4: broken YAML: found undefined alias"]),
        ("a: \x00", [("f.yaml:1:1: this is not text that YAML allows: look for a control"
                     " character")]),
        ("", ["f.yaml:1:1: the file is empty"]),
        ("# only a comment", ["f.yaml:1:1: the file is empty"]),
        ("a: !!python/object:os.system {}", [("f.yaml:1:4: the tag"
         " `tag:yaml.org,2002:python/object:os.system` is not allowed (write the value alone)")]),
        ("a: !secret x", ["f.yaml:1:4: the tag `!secret` is not allowed (write the value alone)"]),
        ("a: !list [1]", ["f.yaml:1:4: the tag `!list` is not allowed (write the value alone)"]),
        ("a: 1\nb: 2\na: 3", [("f.yaml:3:1: the key `a` is there twice"
                              " (it stands in line 1 as well)")]),
        ("x: &x {a: 1}\ny:\n  <<: *x", ["f.yaml:3:3: a key must be a plain word here"]),
        ("? [1, 2]\n: 3", ["f.yaml:1:3: a key must be a plain word here"]),
        ("a: .inf", ["f.yaml:1:4: a number must be finite"]),
        ("a: &a [*a]", [("f.yaml:1:4: too many or too deeply nested values:"
                        " does an alias contain itself?")]),
    ],
)  # fmt: skip
def test_broken_yaml_is_pointed_at(text: str, said: list[str]) -> None:
    """What is no YAML, or more YAML than a configuration needs, is refused with its place."""
    assert broken(text) == said


def test_a_bomb_of_aliases_is_refused() -> None:
    """Aliases that multiply are stopped before they fill the memory."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert "too many or too deeply nested" in broken("\n".join(lines))[0]


def test_an_oversized_file_is_refused() -> None:
    """A file beyond the limit is not even parsed."""
    assert "larger than" in broken("a: " + "x" * MAX_CHARACTERS)[0]


def test_yaml_is_read_by_version_1_2() -> None:
    """`yes` and `on` are texts, `012` is no octal surprise, dates stay texts."""
    text = "a: yes\nb: on\nc: 2025-08-21\nd: 0o17\ne: null\nf: 'it''s'\ng: 12:30\nh: true"
    data = {"a": "yes", "b": "on", "c": "2025-08-21", "d": 15}
    data |= {"e": None, "f": "it's", "g": "12:30", "h": True}
    assert parse(text, "f.yaml").data == data


def test_places_lead_into_texts() -> None:
    """A column inside a text is found for plain, quoted and literal texts."""
    text = "a: plain text\nb: 'quoted text'\nc: |\n  first\n  second text\nd: >\n  folded\n  text\n"
    document = parse(text, "f.yaml")
    places = {key: document.inside((key,), offset) for key, offset in
              {"a": 6, "b": 7, "c": 13, "d": 7}.items()}  # fmt: skip
    assert {key: (place.line, place.column) for key, place in places.items()} == {
        "a": (1, 10),
        "b": (2, 12),
        "c": (5, 10),
        "d": (6, 4),
    }


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("helm.rolback", ["helm.rollback", "helm.history"], "did you mean `helm.rollback`?"),
        ("x", ["oncall", "lead"], "known: `lead`, `oncall`"),
        ("x", [], ""),
    ],
)
def test_the_nearest_word_is_named(word: str, known: list[str], hint: str) -> None:
    """A near word is offered; where none is near, what there is."""
    assert did_you_mean(word, known) == hint
