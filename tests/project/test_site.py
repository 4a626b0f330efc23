"""``make docs``: a site of the repository's Markdown, built without network; every link leads somewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
# MkDocs in a process that can reach nothing.
BUILD = """
import socket, sys
def refuse(*_):
    raise OSError("the site is built without network")
socket.socket.connect = socket.getaddrinfo = refuse
from mkdocs.__main__ import cli
cli()
"""


def _build(project: Path, site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BUILD, "build", "--site-dir", str(site)],
        cwd=project,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = _build(ROOT, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_link_and_picture_of_every_page_is_there(site: Path) -> None:
    pages = {page: page.read_text() for page in site.glob("**/*.html") if page.name != "404.html"}
    missing = []
    for page, text in pages.items():
        for target in re.findall(r'(?:src|href)="([^"]*)"', text):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = unquote(target).partition("#")
            leads_to = (page.parent / path).resolve() if path else page
            if not leads_to.is_file() or (anchor and f'id="{anchor}"' not in leads_to.read_text()):
                missing.append(f"{page.name}: {target}")
    assert not missing
    assert (site / "pictures/scenes-classes.png").is_file()


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    for page in site.glob("**/*.html"):
        tags = re.findall(r"<(?:script|img|iframe|link)\b[^>]*>", page.read_text())
        assert len(tags) > 5
        assert [tag for tag in tags if re.search(r"(?:src|href)=.?(?:https?:)?//", tag)] == [], page.name


def test_pages_outside_of_the_folder_link_within_the_site(site: Path) -> None:
    home, pipeline = (site / "index.html").read_text(), (site / "pipeline.html").read_text()
    assert 'href="datasets.html#coco"' in home
    assert 'href="inputs.html"' in home
    assert 'href="inputs.html"' in pipeline  # ../inputs/README.md there


def test_a_list_is_a_list(site: Path) -> None:
    """GitHub starts a list right below a paragraph, the site only after an empty line."""
    for page in site.glob("**/*.html"):
        assert not re.search(r"<p>[^<]*\n(?:[-*]|1\.) ", page.read_text()), page.name


def test_broken_links_fail(tmp_path: Path) -> None:
    pages = (
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "data/README.md",
        "inputs/README.md",
        "docs/pipeline.md",
    )
    for path in pages:
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(
            "# A page\n\n[ours](../stages/run.py), and ![a picture](picture.png), [below](#no-such-heading)\n"
        )
    hook = "docs/repository_pages.py"
    (tmp_path / hook).write_bytes((ROOT / hook).read_bytes())
    settings, _, rest = (ROOT / "mkdocs.yml").read_text().partition("nav:")
    (tmp_path / "mkdocs.yml").write_text(settings + rest[rest.index("\ntheme:") :])
    done = _build(tmp_path, tmp_path / "site")
    assert done.returncode == 1
    for complaint in ("docs/pipeline.md: links to ../stages/run.py", "'picture.png'", "no-such-heading"):
        assert complaint in done.stdout + done.stderr


def test_the_glossary_is_in_order() -> None:
    terms = re.findall(r"^\| (.+?) \| ", (ROOT / "docs/glossary.md").read_text(), re.M)[1:]
    assert len(terms) > 40
    assert terms == sorted(terms, key=lambda term: re.sub(r"[^a-z0-9]", "", term.lower()))
