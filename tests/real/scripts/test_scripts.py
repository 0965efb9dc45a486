"""`script.run` with real processes: the bytes that were allowed, bounded, ended, outliving us."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pydantic import ValidationError

from adapters.scripts import programs, runs
from adapters.scripts.run import ScriptRunInputs
from flows.actions import Holds, NotYet, PermanentError, Refuted, TransientError, Verdict
from tests.real.scripts.conftest import TOKEN, Scripts, until
from tests.real.scripts.conftest import runs as at_work

WAITS = """#!/bin/sh
echo $$ > "$OUT/script.pid"
echo "began with $API_TOKEN"
while [ ! -e "$OUT/go" ]; do sleep 0.02; done
echo finished
"""
BOT = """
import asyncio, sys
from pathlib import Path
from adapters.clients import ClientPool
from adapters.registry import ActionRegistry
from tests.real.scripts.conftest import Scripts
from tests.real.scripts.test_scripts import WAITS

async def main() -> None:
    use = Scripts(Path(sys.argv[1]), ActionRegistry(), ClientPool()).make(WAITS)
    await use.apply()
    print("ready", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.mark.covers("AIVO-FIX25", "AIVO-FIX43")
async def test_a_script_runs_and_is_judged(scripts: Scripts) -> None:
    """Arguments arrive one by one, the environment is what is named, what it said is kept."""
    use = scripts.make(
        "#!/bin/sh\n"
        'printf "<%s>" "$@"; echo\n'
        "env | cut -d= -f1 | sort | tr '\\n' ' '; echo; ls; echo well\n",
        "a b",
        "--path=/x,y",
        "",
    )
    assert "`tool 'a b' --path=/x,y ''`" in (await use.preview()).summary
    await use.apply()
    done = await use.outcome()
    assert isinstance(done, Holds)
    assert (done.output["exit_code"], done.output["last_line"]) == (0, "well")
    said = await use.context.surroundings.evidence.read(done.output["evidence"])
    lines = said.decode().splitlines()
    assert lines[0] == "<a b><--path=/x,y><>"
    assert set(lines[1].split()) <= {
        "API_TOKEN",
        "OUT",
        "PATH",
        "HOME",
        "LANG",
        "PWD",
        "_",
        "SHLVL",
    }
    assert lines[2:] == ["well"]  # its working folder is empty


async def test_a_failing_script_is_refuted(scripts: Scripts) -> None:
    """The exit code counts, and its last line is told."""
    use = scripts.make("#!/bin/sh\necho '3 of 18 services are down'\nexit 3\n")
    await use.apply()
    seen = await use.outcome()
    assert isinstance(seen, Refuted)
    assert seen.final
    assert "exit code 3" in seen.why
    assert "3 of 18 services are down" in seen.why
    assert "INC-7/scripts/tool-1.log" in seen.why


async def test_the_bytes_that_were_hashed_are_run(scripts: Scripts) -> None:
    """A file that is swapped between the look and the start is not what runs."""
    use = scripts.make('#!/bin/sh\necho good > "$OUT/out"\n')
    program = await programs.find(use.context, "tool")
    scripts.write('#!/bin/sh\necho evil > "$OUT/out"\n')
    use.context.key = "INC-7/tool/1"
    await runs.start(use.context, program, ())
    until((runs.folder_of(use.context) / "end.json").exists)
    assert (scripts.folder / "out").read_text(encoding="utf-8") == "good\n"
    with pytest.raises(PermanentError, match="is not the one that was allowed"):
        await use.preview()


async def test_it_ends_with_all_that_it_started(scripts: Scripts) -> None:
    """At the timeout the script, its child and what has left its process group are gone."""
    use = scripts.make(
        "#!/bin/sh\ntrap '' TERM\n"
        "setsid sh -c 'echo $$ > \"$OUT/far.pid\"; exec sleep 600' &\n"
        "sh -c 'echo $$ > \"$OUT/near.pid\"; exec sleep 600' &\n"
        'echo $$ > "$OUT/script.pid"\nwhile :; do sleep 0.1; done\n',
        timeout="1s",
    )
    await use.apply()
    pids = [scripts.pid(f"{name}.pid") for name in ("script", "near", "far")]
    seen = await use.outcome()
    assert isinstance(seen, Refuted)
    assert "its time was over" in seen.why
    assert not any(at_work(each) for each in pids)


async def test_what_it_leaves_behind_ends_too(scripts: Scripts) -> None:
    """A script is over when it ends: nothing of it works on in the dark."""
    use = scripts.make(
        "#!/bin/sh\nsetsid sh -c 'echo $$ > \"$OUT/far.pid\"; exec sleep 600' &\n"
        'while [ ! -s "$OUT/far.pid" ]; do sleep 0.02; done\n'
    )
    await use.apply()
    assert isinstance(await use.outcome(), Holds)
    assert not at_work(scripts.pid("far.pid"))


async def test_what_it_says_is_bounded_and_masked(scripts: Scripts) -> None:
    """The begin and the end of much output are kept, and no secret of it."""
    use = scripts.make(
        f"#!{sys.executable} -S\nimport os, sys, time\n"
        "secret = os.environ['API_TOKEN']\n"
        "print('first', secret)\n"
        "sys.stdout.flush()\n"
        "for _ in range(20000): sys.stdout.write('x' * 80 + '\\n')\n"
        "for part in (secret[:7], secret[7:], '\\n', 'last ' + secret + '\\n'):\n"
        "    sys.stdout.write(part); sys.stdout.flush(); time.sleep(0.05)\n"
    )
    await use.apply()
    done = await use.outcome()
    assert isinstance(done, Holds)
    said = await use.context.surroundings.evidence.read(done.output["evidence"])
    assert said.startswith(b"first ***\n")
    assert said.endswith(b"\n***\nlast ***\n")
    assert b"bytes are left out]" in said
    assert len(said) < 600 * 1024
    assert done.output["last_line"] == "last ***"
    for path in (use.context.surroundings.work / "scripts").rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes()


def _start_and_kill_a_bot(scripts: Scripts) -> int:
    root = Path(__file__).parents[3]
    bot = subprocess.Popen(
        [sys.executable, "-c", BOT, str(scripts.folder)],
        stdout=subprocess.PIPE,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    with bot:
        assert bot.stdout is not None
        assert bot.stdout.readline() == b"ready\n"
        pid = scripts.pid("script.pid")
        bot.kill()
    return pid


@pytest.mark.crash
async def test_it_outlives_the_bot(scripts: Scripts) -> None:
    """SIGKILL of the bot leaves it at work; who looks next sees it running, and then its end."""
    pid = await asyncio.to_thread(_start_and_kill_a_bot, scripts)
    use = scripts.make(WAITS)
    while "began with ***" not in str(running := await use.verify()):
        await asyncio.sleep(0.05)
    assert isinstance(running, NotYet)
    assert at_work(pid)
    use.context.key = "INC-7/tool/2"
    with pytest.raises(TransientError, match="still at work"):
        await use.action.apply(use.inputs, {}, use.context)
    (scripts.folder / "go").touch()
    done = await use.outcome()
    assert isinstance(done, Holds)
    assert done.output["last_line"] == "finished"


@pytest.mark.crash
async def test_a_lost_run_is_for_people_or_for_its_check(scripts: Scripts) -> None:
    """With its runner killed the script ends, and only its check could tell what it did."""
    use = scripts.make(WAITS)
    await use.apply()
    pid = scripts.pid("script.pid")
    runner = psutil.Process(pid).ppid()
    os.kill(runner, signal.SIGKILL)
    until(lambda: not at_work(pid) and not at_work(runner))
    with pytest.raises(PermanentError, match=r"can't be known: .* gone without a trace"):
        await use.verify()
    checked = scripts.make('#!/bin/sh\ntest "$1" = --look && exit 1\n', check="--look")
    seen = await checked.verify()
    assert isinstance(seen, Refuted)
    assert not seen.final


async def test_a_run_elsewhere_is_for_people(scripts: Scripts) -> None:
    """A run that another machine started can't be seen from here."""
    use = scripts.make("#!/bin/sh\n")
    name = "INC-7/scripts/tool-1.started.json"
    await use.context.surroundings.evidence.put(name, b'{"machine": "bot-2.aivo.edu"}')
    with pytest.raises(PermanentError, match=r"started on bot-2\.aivo\.edu"):
        await use.verify()


async def test_a_repeat_starts_nothing(scripts: Scripts) -> None:
    """Under the same key the script runs once."""
    use = scripts.make('#!/bin/sh\necho again >> "$OUT/count"\n')
    await use.apply()
    await use.outcome()
    await use.action.apply(use.inputs, {}, use.context)
    assert isinstance(await use.outcome(), Holds)
    assert (scripts.folder / "count").read_text(encoding="utf-8") == "again\n"


CHECKED = """#!/bin/sh
if [ "$1" = --look ]; then
  test -e "$OUT/broken" && exit 2
  test -e "$OUT/slow" && sleep 600
  test -e "$OUT/done"; exit $?
fi
test -e "$OUT/lazy" || touch "$OUT/done"
"""


async def test_the_check_decides(scripts: Scripts) -> None:
    """Not done before, done after; a second run is not needed; a lazy script is found out."""
    use = scripts.make(CHECKED, check="--look")
    before = await use.preview()
    assert (before.in_place, before.changes[0].before) == (False, "not done, as its check says")
    await use.apply()
    assert isinstance(await use.outcome(), Holds)
    assert (await use.preview()).in_place
    (scripts.folder / "done").unlink()
    (scripts.folder / "lazy").touch()
    use.context.key = "INC-7/tool/2"
    await use.action.apply(use.inputs, {}, use.context)
    until((runs.folder_of(use.context) / "end.json").exists)
    seen = await use.action.verify(use.inputs, {}, use.context)
    assert isinstance(seen, Refuted)
    assert "its own check says that it is not done" in seen.why


async def test_a_check_that_can_not_tell(scripts: Scripts) -> None:
    """Another exit code than 0 and 1 is no answer, and nothing is run."""
    use = scripts.make(CHECKED, check="--look")
    (scripts.folder / "broken").touch()
    with pytest.raises(PermanentError, match="must end with 0"):
        await use.preview()
    (scripts.folder / "broken").unlink()
    (scripts.folder / "slow").touch()
    slow = scripts.make(CHECKED, check="--look", timeout="1s")
    with pytest.raises(TransientError, match="its time was over"):
        await slow.preview()
    assert list((slow.context.surroundings.work / "scripts").iterdir()) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [("echo no shebang\n", "Exec format error"), ("#!/no/such/shell\n", "No such file")],
)
async def test_what_can_not_be_started_is_said(scripts: Scripts, text: str, words: str) -> None:
    """A file that the machine can't run is named as that."""
    use = scripts.make(text)
    await use.apply()
    seen = await use.outcome()
    assert isinstance(seen, Refuted)
    assert "can't be started" in seen.why
    assert words in seen.why


@pytest.mark.parametrize("argument", ["$(reboot)", "a;b", "`id`", "*", "a\nb", "a|b", "x" * 501])
def test_odd_arguments_are_refused(argument: str) -> None:
    """Though no shell would see them: a script may hand its arguments to one."""
    with pytest.raises(ValidationError):
        ScriptRunInputs.model_validate({"script": "tool", "arguments": [argument]})


@pytest.mark.covers("AIVO-R9", "AIVO-V3")
async def test_a_script_that_only_looks(scripts: Scripts) -> None:
    """0 holds, 1 is not yet, anything else is unknown; one without a check is refused."""
    text = '#!/bin/sh\ntest "$1" = --look || exit 9\necho "18 of $3 answer"\nexit "$2"\n'
    allowed = scripts.make(text, check="--look")

    async def asked(*arguments: str) -> Verdict:
        return await scripts.check(allowed, *arguments).verify()

    well = await asked("0", "18")
    assert isinstance(well, Holds)
    assert (well.output["ok"], well.output["last_line"]) == (True, "18 of 18 answer")
    ill = await asked("1", "19")
    assert isinstance(ill, NotYet)
    assert ill.output["ok"] is False
    odd = await asked("3", "19")
    assert isinstance(odd, NotYet)
    assert (odd.output, odd.progress.startswith("unknown: tool: it ended with exit code 3")) == (
        {},
        True,
    )
    with pytest.raises(PermanentError, match="has no `check`"):
        await scripts.check(scripts.make(text)).verify()
