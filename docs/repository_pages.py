"""Hook of MkDocs: the site shows Markdown of the whole repository, written for GitHub, as it stands.

Pages outside of docs/ join the site, README.md as its home page. A link that works in the repository
works in the site, too; where it leads to a file that the site has not, such as a module, its text stays.
"""

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "data/README.md": "data.md",
    "inputs/README.md": "inputs.md",
}
"""Path in the repository -> path in the site."""
LINK = re.compile(r"(?P<text>!?\[(?:[^\[\]]|\[[^\]]*\])*\])\((?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")
CODE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
"""What looks like a link there is none."""

log = get_plugin_logger(__name__)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that lie elsewhere."""
    for path, uri in ELSEWHERE.items():
        files.append(File.generated(config, uri, content=(ROOT / path).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links of the repository into links of the site."""
    del config, files
    uri = page.file.src_uri
    lies_at = {site: path for path, site in ELSEWHERE.items()}.get(uri, f"docs/{uri}")
    parts = CODE.split(markdown)  # text and code in turns
    parts[::2] = [LINK.sub(lambda link: _in_site(link, lies_at, uri), text) for text in parts[::2]]
    return "".join(parts)


def _in_site(link: re.Match[str], source: str, uri: str) -> str:
    """One link of the page at ``uri`` of the site, which is ``source`` in the repository."""
    text, target, anchor = link["text"], link["target"], link["anchor"] or ""
    if re.match(r"[a-z]+:", target):
        return link[0]
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if path in ELSEWHERE:
        path = ELSEWHERE[path]
    elif path.startswith("docs/") and not (ROOT / path).is_dir():
        path = path.removeprefix("docs/")
    elif (ROOT / path).exists():
        return text.removeprefix("[").removesuffix("]")
    else:
        log.warning(f"{source}: links to {target}, which is not there")
        return link[0]
    return f"{text}({posixpath.relpath(path, posixpath.dirname(uri) or '.')}{anchor})"
