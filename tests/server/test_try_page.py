"""The page to try a student, in a real browser."""

from tests.pages.browser import opened
from tests.server.conftest import Served


def test_pictures_are_labelled_and_it_shows_where(server: Served) -> None:
    broken = server.root / "broken.png"
    broken.write_text("no picture")
    with opened(server.address) as tried:
        page = tried.page
        page.set_input_files("#files", [server.root / "pictures/0.png", broken])
        page.locator(".tried").nth(1).wait_for()
        page.get_by_text("2 of 2 pictures").wait_for()
        answer = page.locator(".tried", has=page.get_by_text("0.png", exact=True))
        red = answer.locator("tr", has=page.get_by_text("red", exact=True))
        assert "red" in answer.locator("p.lead").inner_text()
        assert red.get_attribute("class") == "given"
        assert answer.locator("tr").count() == 3
        # The bar is the score, and the label is given where it ends beyond the mark.
        bar, mark = (red.locator(part).bounding_box() for part in (".bar i", ".bar b"))
        assert bar["x"] + bar["width"] > mark["x"]
        assert answer.locator(".seen .heat").get_attribute("data-name") == "red"  # the best one, at once
        red.click()
        assert answer.locator(".seen .heat").count() == 0
        red.click()
        assert answer.locator(".seen .heat").count() == 1
        assert "not an image" in page.locator(".tried .bad").inner_text()
        page.select_option("#student", "student")
        page.set_input_files("#files", [server.root / "pictures/1.png"])
        page.get_by_text("3 of 3 pictures").wait_for()
        assert page.locator(".tried").first.locator("p.note").inner_text() == "student"
        page.get_by_role("link", name="/docs").click()
        page.get_by_role("heading", name="POST /predict").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
        # The console tells of the answer 422, and of nothing else.
        assert all("422" in error for error in tried.errors)
        assert all(url.startswith((server.address, "blob:")) for url in tried.requests)
