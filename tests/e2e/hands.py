"""What a person does at a page, in few words: sign in, work by keyboard alone, carry a row's words away."""

from playwright.sync_api import Locator, Page, expect

from tests.product import OWNER_PASSWORD

CAST = ("admin", "moderator", "support", "viewer")
CAST_PASSWORD = "another long password"
MOST_TABS = 150


def sign_in_here(page: Page, name: str, password: str = "") -> None:
    """Fill the sign-in page that is open."""
    page.locator("input[name=login]").fill(name)
    page.locator("input[name=password]").fill(password or (OWNER_PASSWORD if name == "admin" else CAST_PASSWORD))
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/accounts/login" not in url)


def row_of(page: Page, table: str, text: str) -> Locator:
    """The row of a table or list in which the text stands."""
    return page.get_by_role("table", name=table).get_by_role("row").filter(has_text=text)


class Keyboard:
    """A person without a mouse: only keys are pressed, and what they reach must have the focus."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def reach(self, target: Locator) -> None:
        """Tab to it."""
        expect(target).to_be_visible()
        for _ in range(MOST_TABS):
            if target.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{MOST_TABS} tabs do not reach {target}")

    def write(self, target: Locator, text: str) -> None:
        """Tab to the field, clear it, type."""
        self.reach(target)
        self.press("Control+a", "Delete")
        self.page.keyboard.insert_text(text)

    def choose(self, target: Locator, start: str) -> None:
        """Tab to the list and type the start of an option's name."""
        self.reach(target)
        self.page.keyboard.type(start)

    def push(self, target: Locator) -> None:
        """Tab to the link or button and press Enter."""
        self.reach(target)
        self.press("Enter")
