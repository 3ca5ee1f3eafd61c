import os
import shutil

import pytest
import torch
from hypothesis import settings

# Two threads on a busy machine are many times slower than one on nets of this size.
torch.set_num_threads(1)

# No deadline and a fixed seed: a slow machine or a lucky draw must not change what the tests say.
settings.register_profile("identikit", deadline=None, max_examples=25, derandomize=True, database=None)
settings.load_profile("identikit")

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


def pytest_configure(config):
    # Small worlds have few domains, and what is tested with them is not what a method identifies.
    config.addinivalue_line("filterwarnings", "ignore::identikit.errors.IdentifiabilityWarning")


def pytest_collection_modifyitems(items):
    """The slow tests last, so that what is broken shows soon."""
    items.sort(key=lambda item: "slow" in item.keywords)


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, headless. Where there is none, the test skips, but in CI it fails."""
    path = shutil.which("chromium")
    if path is None:
        reason = "no chromium on PATH: apt-get install chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, headless=True, args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser):
    """A page with no network; `page.errors` lists what the console and the scripts complained of."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.errors = []
    page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    yield page
    context.close()
