"""Write a screenshot of every page, in two sizes, light and dark, from an installation that runs.

python -m tests.browser.screenshots --url http://localhost:8000 --out var/screenshots
"""

import argparse
from pathlib import Path
from typing import Final

from tests.browser.chromium import find_chromium, new_page, open_browser, sign_in
from tests.browser.pages import PUBLIC, visit, visit_all

SIZES: Final = ((1440, 900), (390, 844))


def main() -> None:
    """Take the arguments, visit, write."""
    arguments = parse_arguments()
    executable = find_chromium()
    if executable is None:
        raise SystemExit("There is no Chromium on PATH; set CHROMIUM_PATH.")
    arguments.out.mkdir(parents=True, exist_ok=True)
    password = arguments.password_file.read_text().strip()
    with open_browser(executable) as browser:
        for width, height in SIZES:
            for scheme in ("light", "dark"):
                page, _ = new_page(
                    browser, base_url=arguments.url, width=width, height=height, colour_scheme=scheme
                )
                ending = f"{width}x{height}-{scheme}.png"
                for address in PUBLIC:
                    page.screenshot(path=arguments.out / f"{visit(page, address)}-{ending}")
                sign_in(page, email=arguments.email, password=password)
                for name in visit_all(page):
                    page.screenshot(path=arguments.out / f"{name}-{ending}")
                page.context.close()


def parse_arguments() -> argparse.Namespace:
    """Return where the pages are, who looks at them, and where the pictures go."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://localhost:8000")
    parser.add_argument("--email", default="admin@example.com")
    parser.add_argument("--password-file", type=Path, default=Path("var/secrets/admin_password"))
    parser.add_argument("--out", type=Path, default=Path("var/screenshots"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
