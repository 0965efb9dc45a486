"""The bench's nginx: pages, a maintenance switch, a configuration that is refused."""

from __future__ import annotations

import httpx
import pytest

from tests.real.services.nginx import NginxServer

pytestmark = pytest.mark.real

MAINTENANCE = """
if (-f {pages}/maintenance.on) {{ return 503; }}
error_page 503 @maintenance;
location @maintenance {{ rewrite ^ /maintenance.html break; }}
"""


def test_a_page_is_served(nginx: NginxServer) -> None:
    """What a test writes into the pages is what a visitor gets."""
    (nginx.pages / "index.html").write_text("<h1>Shop</h1>", encoding="utf-8")
    assert httpx.get(nginx.url).text == "<h1>Shop</h1>"
    assert httpx.get(f"{nginx.url}/missing").status_code == 404


def test_a_new_configuration_counts_after_a_reload(nginx: NginxServer) -> None:
    """Nothing changes before the reload; after it a flag switches the maintenance page."""
    (nginx.pages / "index.html").write_text("Shop", encoding="utf-8")
    (nginx.pages / "maintenance.html").write_text("Back soon", encoding="utf-8")
    (nginx.pages / "maintenance.on").touch()
    (nginx.within / "maintenance.conf").write_text(
        MAINTENANCE.format(pages=nginx.pages), encoding="utf-8"
    )
    assert httpx.get(nginx.url).status_code == 200
    assert nginx.check() == ""
    nginx.reload()
    answer = httpx.get(nginx.url)
    assert (answer.status_code, answer.text) == (503, "Back soon")
    (nginx.pages / "maintenance.on").unlink()
    assert httpx.get(nginx.url).text == "Shop"


def test_a_wrong_configuration_is_found_and_kept_out(nginx: NginxServer) -> None:
    """The check names file and line; a reload is refused, and the old configuration serves on."""
    (nginx.pages / "index.html").write_text("Shop", encoding="utf-8")
    (nginx.within / "wrong.conf").write_text("return banana;\n", encoding="utf-8")
    assert "wrong.conf:1" in nginx.check()
    with pytest.raises(ValueError, match=r"wrong\.conf:1"):
        nginx.reload()
    assert httpx.get(nginx.url).text == "Shop"


def test_every_test_begins_with_its_own_files(nginx: NginxServer) -> None:
    """No page and no setting of another test is there."""
    assert list(nginx.pages.iterdir()) == []
    assert list(nginx.within.iterdir()) == []
    assert httpx.get(nginx.url).status_code == 403
