"""The page to try a student, in a real browser."""

import shutil

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


def test_a_folder_is_dropped_with_all_that_is_below(server: Served) -> None:
    folder = server.root / "dropped"
    (folder / "below").mkdir(parents=True)
    for number in range(2):
        shutil.copy(server.root / f"pictures/{number}.png", folder / "below")
    shutil.copy(server.root / "pictures/2.png", folder)
    with opened(server.address) as tried:
        box = tried.page.locator("#drop").bounding_box()
        # As a hand does it, by what drives the browser; a script cannot make a folder up.
        driver = tried.page.context.new_cdp_session(tried.page)
        place = {"x": box["x"] + 20, "y": box["y"] + 20}
        data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            driver.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})
        tried.page.get_by_text("3 of 3 pictures").wait_for()
        names = tried.page.locator(".tried h3").all_inner_texts()
        assert sorted(names) == ["0.png", "1.png", "2.png"]
        assert tried.page.locator(".tried .bad").count() == 0
        assert tried.errors == []
