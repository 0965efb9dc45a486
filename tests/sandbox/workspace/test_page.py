"""The browser page in a real Chromium: what a person types, clicks and sees."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from sandbox.workspace import Workspace, WorkspaceClient
from tests.sandbox.workspace import apps

pytestmark = pytest.mark.real
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@pytest.fixture
async def page(workspace: Workspace) -> AsyncIterator[Page]:
    """The workspace's page, with every script error collected."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: the page is not tested here")
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        opened = await browser.new_page(viewport={"width": 1440, "height": 900})
        errors: list[Any] = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        await opened.goto(workspace.url)
        await opened.wait_for_selector(".person")
        yield opened
        await browser.close()
        assert errors == []


async def test_a_person_declares_and_another_approves(
    workspace: Workspace, people: WorkspaceClient, page: Page
) -> None:
    """Typing declares, the channel appears, and after acting as a lead the button works."""
    async with apps.over_sockets(workspace):
        await page.fill("#composer", "!incident declare <script>alert(1)</script> & *5xx*")
        await page.press("#composer", "Enter")
        said = page.locator(".message").first
        await expect(said).to_contain_text("<script>alert(1)</script> & 5xx")
        await expect(said.locator("strong")).to_have_text("5xx")

        await page.click("text=inc-1")
        await expect(page.locator(".button", has_text="Approve")).to_be_visible()
        await page.click("[data-focus='person-U0JENNIFER']")
        await expect(page.locator(".main-foot")).to_contain_text("Jennifer Liu is not in #inc-1")
        await page.click("text=Join channel")
        await page.click("[data-action='approve']")
        await expect(page.locator(".message", has_text="RESTORE")).to_be_visible()


async def test_a_modal_shows_field_errors_and_closes_when_done(
    workspace: Workspace, people: WorkspaceClient, page: Page
) -> None:
    """A slash command opens a dialog; errors stand at their field; Enter and Esc work."""
    async with apps.over_sockets(workspace):
        await page.fill("#composer", "/incident declare")
        await page.press("#composer", "Enter")
        dialog = page.locator("#modal")
        await expect(dialog).to_be_visible()
        await dialog.locator("button[type=submit]").click()
        await expect(dialog.locator(".field-error")).to_contain_text("Please complete this")
        await dialog.locator("input").fill("5xx")
        await dialog.locator("input").press("Enter")
        await expect(dialog.locator(".field-error")).to_have_text("Say a little more")
        await expect(dialog.locator("input")).to_have_value("5xx")
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        assert await people.modal("U0MARCUS") is None


async def test_only_the_addressee_sees_an_ephemeral_message(
    workspace: Workspace, people: WorkspaceClient, page: Page
) -> None:
    """What only one person may see disappears when somebody else is acted as."""
    await people.slash("U0MARCUS", "C0INCIDENTS", "help")
    await expect(page.locator(".hidden-one")).to_contain_text("Only visible to you")
    await page.locator("[data-focus='person-U0MARCUS']").press("ArrowDown")
    await expect(page.locator("[data-focus='person-U0EMILY']")).to_have_attribute(
        "aria-checked", "true"
    )
    await expect(page.locator(".hidden-one")).to_have_count(0)


async def test_a_narrow_screen_has_tabs_and_no_sideways_scrolling(page: Page) -> None:
    """At 360 px the panels become tabs, and nothing is wider than the screen."""
    await page.set_viewport_size({"width": 360, "height": 740})
    await expect(page.locator("#sidebar")).to_be_hidden()
    await page.click(".tab-side")
    await expect(page.locator("#sidebar")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
