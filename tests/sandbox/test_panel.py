"""The estate's panel in a real Chromium, on parts that say what they are told to."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from config.loader import load_system
from config.settings import PACKAGED
from flows import inputs
from sandbox.flags import Flags
from sandbox.mailbox import Mailbox
from sandbox.world import World
from tests.sandbox import made_up
from tests.sandbox.made_up import MadeUp
from tests.sandbox.workspace.test_page import ARGS, CHROMIUM

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]
PATIENT = 30_000
DAMAGED = {"grades": [12, 17, 33], "assessments": [3, 9]}
SECTIONS = ("Load balancer", "Databases", "Cache", "Uploaded files", "Access keys", "Mail")


@dataclass
class Estate:
    """A sandbox with parts, and what each of them tells."""

    world: World
    aws: MadeUp = field(default_factory=made_up.aws)
    database: MadeUp = field(default_factory=made_up.database)
    cache: MadeUp = field(default_factory=made_up.cache)
    mails: list[Any] = field(default_factory=list)

    def furnish(self) -> None:
        """Give the world all parts."""
        flags = Flags(self.world.estate.wall.now)
        for part in (self.aws, self.database, self.cache, flags, Mailbox(lambda: self.mails)):
            self.world.add(part)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium for all tests, as starting one is slow; they wait for a slow machine."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: the panel is not tested here")
    expect.set_options(timeout=PATIENT)
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def estate(tmp_path: Path) -> AsyncIterator[Estate]:
    """A sandbox with all parts."""
    found = Estate(World(data=tmp_path, speed=10))
    found.furnish()
    await found.world.start()
    yield found
    await found.world.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def page(estate: Estate, browser: Browser) -> AsyncIterator[Page]:
    """Its page, with every script error collected."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = await context.new_page()
    opened.set_default_timeout(PATIENT)
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    await opened.goto(estate.world.workspace.url)
    await opened.wait_for_selector(".estate-break")
    yield opened
    await context.close()
    assert errors == []


def _section(page: Page, title: str) -> Locator:
    return page.locator(f"section[aria-label='{title}']")


async def test_each_flow_has_a_button_and_a_story(estate: Estate, page: Page) -> None:
    """Buttons stand under their flow, each with its sentence; a press breaks that part alone."""
    flows = page.locator(".flow")
    assert await flows.evaluate_all("nodes => nodes.map(node => node.ariaLabel)") == [
        f"Flow: {name}"
        for name in ("Service", "Gradual", "Flag", "Data", "Rows", "Files", "Security")
    ]
    await expect(page.locator(".estate-break")).to_have_count(8)
    sentence = page.locator("#estate-breaks-breach")
    await expect(sentence).to_be_hidden()
    await page.get_by_role("button", name="What “Let an access key be stolen” breaks").click()
    await expect(sentence).to_have_text("One sentence about let an access key be stolen.")
    await page.get_by_role("button", name="Let an access key be stolen", exact=True).click()
    await expect(page.locator(".estate-said")).to_contain_text("Broken.")
    assert (estate.aws.broken, estate.database.broken) == (["breach"], [])
    stories = page.get_by_role("group", name="Flows", exact=True).locator(".story:visible")
    await expect(stories).to_have_count(9)
    await expect(page.get_by_role("group", name="People").locator(".story")).to_have_count(4)


async def test_traffic_moves_and_the_balancer_answers_by_itself(estate: Estate, page: Page) -> None:
    """Bars have the share and the targets; a banner stands there while nobody gets through."""
    section = _section(page, "Load balancer")
    bar = section.get_by_role("meter", name="Traffic to New version")
    await expect(bar).to_have_attribute("aria-valuenow", "100")
    node = await bar.element_handle()
    banner = section.locator(".fixed")
    await expect(banner).to_be_hidden()
    new, stable = estate.aws.told["shares"]
    new["percent"], stable["percent"], stable["healthy"] = 25, 75, 11
    estate.aws.told["fixed"] = {"status": 503, "body": "maintenance"}
    await expect(bar).to_have_attribute("aria-valuenow", "25")
    assert node is not None
    assert await node.evaluate("node => node.isConnected"), "the bar must move, not be replaced"
    assert await bar.locator(".bar-fill").evaluate("node => node.style.width") == "25%"
    await expect(section).to_contain_text("11 of 12 targets healthy")
    await expect(banner).to_have_text("Answers by itself: 503. Nobody gets to the services.")
    estate.aws.told["fixed"] = None
    await expect(banner).to_be_hidden()


async def test_rows_are_wrong_then_restored_and_some_lost(estate: Estate, page: Page) -> None:
    """Cards tell what is wrong, and after the cut-over what came back and what is lost."""
    section, told = _section(page, "Databases"), estate.database.told
    await page.get_by_role("button", name="Corrupt the grades", exact=True).click()
    old = told["instances"][0]
    old["wrong"], told["damaged"] = {"grades": 37, "assessments": 2}, DAMAGED
    first = section.locator(".database").first
    await expect(first).to_contain_text("37 wrong")
    await expect(first).to_contain_text("in use")
    await expect(section).to_contain_text("Damaged: grades 12, 17, 33; assessments 3, 9")
    old |= {"in_use": False, "read_only": True}
    told["instances"].append(made_up.rows("restored", in_use=True, grades=388))
    told["writes"] = {"done": 900, "refused": 14}
    second = section.locator(".database").nth(1)
    await expect(second).to_contain_text("37 restored")
    await expect(second).to_contain_text("12 lost")
    await expect(first).to_contain_text("read-only")
    await expect(section).to_contain_text("900 writes done, 14 refused")


async def test_files_keys_cache_flags_and_letters(estate: Estate, page: Page) -> None:
    """Each tells in words what is wrong; a letter opens by a click, and its text stays text."""
    estate.aws.told["files"]["wrong"] = 9
    estate.aws.told["keys"][0]["misuse"] = 1240
    estate.cache.told["stale"] = 85
    estate.mails.append(made_up.letter())
    await page.get_by_role("button", name="Switch a faulty feature on", exact=True).click()
    await expect(_section(page, "Uploaded files")).to_contain_text("9 of 24 were overwritten")
    await expect(_section(page, "Access keys")).to_contain_text("1,240 requests by a thief")
    await expect(_section(page, "Cache")).to_contain_text("85 wrong entries")
    flag = _section(page, "Feature flags").locator("li").first
    await expect(flag).to_contain_text("New features on")
    mail = _section(page, "Mail")
    await expect(mail.locator(".letter-text")).to_be_hidden()
    await mail.locator("summary").click()
    await expect(mail.locator(".letter-text")).to_contain_text("<b>Details</b> are in")
    await expect(mail).to_contain_text("ceo@aivo.edu, cto@aivo.edu")


async def test_commands_are_filled_in_and_copied(estate: Estate, page: Page) -> None:
    """What only the state knows stands in the command, and can be copied as a whole."""
    story = page.locator("[data-story='flow-rows']")
    await story.locator("summary").click()
    await expect(story).to_contain_text("is filled in once it is broken")
    await page.get_by_role("button", name="Change seven grades", exact=True).click()
    estate.database.told["damaged"] = DAMAGED
    estate.aws.told["instances"].append(made_up.restored(5556))
    wanted = "!incident plan rows assessments=3,9 grades=12,17,33 recovered=127.0.0.1:5556"
    command = story.locator("code", has_text="plan rows")
    await expect(command).to_have_text(wanted)
    moment = re.compile(r"^!incident plan point_in_time time=2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
    await expect(story.locator("code", has_text="point_in_time")).to_have_text(moment)
    await story.locator(".typed", has_text="plan rows").get_by_role("button").click()
    await expect(page.locator("#toasts")).to_contain_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == wanted


async def test_the_bot_takes_what_stories_say(estate: Estate, page: Page) -> None:
    """Each plan that a story asks for names a procedure of AIVO, with inputs that it has."""
    await page.get_by_role("button", name="Let an access key be stolen", exact=True).click()
    estate.aws.told["keys"][0]["misuse"] = 3
    estate.aws.told["instances"].append(made_up.restored(5556))
    estate.database.told["damaged"] = DAMAGED
    codes = page.locator(".story code")
    for told in ("plan rows", "plan data time=2", "plan security user=deploy key=7Q2A"):
        await expect(codes.filter(has_text=told)).to_have_count(1)
    aivo, planned = load_system(PACKAGED / "aivo"), set()
    for text in await codes.all_text_contents():
        if found := re.fullmatch(r"!incident plan (\w+)(.*)", text):
            procedure = aivo.procedures[found[1]]
            assert not inputs.lacking(procedure, inputs.read(procedure, found[2].split())), text
            planned.add(found[1])
    assert planned | {"service"} == set(aivo.procedures)


async def test_the_status_page_is_one_click_away(estate: Estate, page: Page) -> None:
    """The panel shows its gist and leads to it."""
    gist = _section(page, "Status page, as customers see it")
    await expect(gist.locator(".estate-banner")).to_have_text("All systems operational")
    estate.world.estate.statuspage.components.all[0]["status"] = "partial_outage"
    await expect(gist).to_contain_text("Website and apps: partial outage")
    async with page.context.expect_page() as opened:
        await gist.get_by_role("link", name="Open the status page").click()
    customers = await opened.value
    await expect(customers.locator(".banner")).to_have_text("A service is badly disturbed")
    await expect(customers.locator(".components")).to_contain_text("Partial outage")


async def test_what_does_not_run_here_says_so(estate: Estate, page: Page) -> None:
    """A database that can't run says why, and its buttons and stories are gone."""
    estate.database.told = {"real": False, "why": "PostgreSQL is not installed.", "instances": []}
    await expect(_section(page, "Databases")).to_contain_text("PostgreSQL is not installed.")
    await expect(page.locator("[data-scenario='corrupt_grades']")).to_have_count(0)
    await expect(page.locator("[data-story='flow-data']")).to_be_hidden()
    await expect(page.locator("[data-story='flow-flag']")).to_be_visible()


async def test_a_narrow_panel_fits(estate: Estate, page: Page) -> None:
    """At 360 px nothing of the panel is wider than the screen, with all sections full."""
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.click(".tab-estate")
    estate.aws.told["fixed"] = {"status": 503, "body": "maintenance"}
    estate.mails.append(made_up.letter())
    await expect(_section(page, "Mail").locator("summary")).to_be_visible()
    await page.locator("[data-story='flow-security'] summary").click()
    panel = page.locator(".estate-panel")
    assert await panel.evaluate("node => node.scrollWidth <= node.clientWidth")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_without_parts_nothing_of_them_is_shown(tmp_path: Path, browser: Browser) -> None:
    """A sandbox of the cluster alone has the sections it had, and the story of its one button."""
    world = World(data=tmp_path)
    await world.start()
    try:
        page = await browser.new_page()
        page.set_default_timeout(PATIENT)
        await page.goto(world.workspace.url)
        await page.wait_for_selector("[data-story='flow-service']")
        for title in SECTIONS:
            await expect(_section(page, title)).to_be_hidden()
        await expect(page.locator(".estate-break")).to_have_text(["Ship the bad release"])
        flows = page.get_by_role("group", name="Flows", exact=True).locator(".story:visible")
        await expect(flows).to_have_count(1)
        await page.close()
    finally:
        await world.stop()
