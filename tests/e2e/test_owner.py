"""An owner adds a cluster after trying the connection, gives somebody a role on it, and proves the trail."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.e2e.hands import row_of, sign_in_here
from tests.e2e.stages import Stage
from tests.product import Product


def fill_cluster(page: Page, stage: Stage, *, token: str) -> Locator:
    """The form of Settings, all but its buttons."""
    user, password = stage.account
    form = page.get_by_role("form", name="Cluster")
    form.get_by_label("Short name").fill(f"own-{stage.run}")
    form.get_by_label("Name", exact=True).fill(f"Owned {stage.run}")
    form.get_by_label("Main API", exact=True).fill(stage.apis[0])
    form.get_by_label("Manager API").fill(stage.manager)
    form.get_by_label("Addresses of further nodes").fill("\n".join(stage.apis[1:]))
    form.get_by_label("Manager token").fill(token)
    form.get_by_label("Manager account").fill(user)
    form.get_by_label("Its password").fill(password)
    form.get_by_label("Reason").fill("the cluster of this journey")
    return form


def wrong_steps(report: Locator) -> Locator:
    return report.get_by_role("listitem").filter(has=report.page.get_by_role("img", name="Wrong"))


def test_a_cluster_is_tried_before_it_is_saved_and_a_wrong_token_is_named(
    sign_in: Callable[..., Any], stage: Stage
) -> None:
    page: Page = sign_in("admin")
    page.goto("/settings/clusters/")
    page.get_by_role("link", name="Add a cluster").click()
    report = page.get_by_role("region", name="Connection test")

    wrong = f"wrong-{stage.run}"
    form = fill_cluster(page, stage, token=wrong)
    form.get_by_role("button", name="Try the connection").click()
    expect(report).to_contain_text(re.compile(r"steps? (is|are) wrong"))
    expect(wrong_steps(report).first).to_contain_text("The node refuses the token")
    expect(wrong_steps(report).first).to_contain_text("Enter the managerToken of the server's configuration")
    expect(form.get_by_label("Manager token")).to_have_value(wrong)

    form.get_by_label("Manager token").fill(stage.token)
    form.get_by_role("button", name="Try the connection").click()
    expect(report).to_contain_text(re.compile("Everything works|It works; "))
    expect(wrong_steps(report)).to_have_count(0)
    page.goto("/settings/clusters/")
    expect(row_of(page, "Clusters", f"own-{stage.run}")).to_have_count(0)

    page.get_by_role("link", name="Add a cluster").click()
    fill_cluster(page, stage, token=stage.token).get_by_role("button", name="Add the cluster").click()
    expect(page.get_by_text(f"Owned {stage.run}").first).to_be_visible()
    page.goto("/settings/clusters/")
    row_of(page, "Clusters", f"own-{stage.run}").get_by_role("link").first.click()
    expect(page.get_by_label("Manager API")).to_have_value(stage.manager)
    expect(page.get_by_label("Manager token")).to_have_value("")
    assert stage.token not in page.content()
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("main")).to_contain_text("nodes")

    page.goto(f"/settings/clusters/own-{stage.run}/edit/")
    page.get_by_role("link", name="Remove…").click()
    page.get_by_label("Short name, once more").fill(f"own-{stage.run}")
    page.get_by_label("Reason").fill("the journey is over")
    page.get_by_role("button", name="Remove the cluster").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Clusters")
    expect(row_of(page, "Clusters", f"own-{stage.run}")).to_have_count(0)


def test_a_new_person_signs_in_and_sees_just_what_they_were_given(
    sign_in: Callable[..., Any], open_page: Callable[..., Any], stage: Stage
) -> None:
    page: Page = sign_in("admin")
    name = f"mei-{stage.run}"
    page.goto("/settings/people/")
    page.get_by_role("link", name="Add a person").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("group", name=stage.slug).get_by_label("Moderator").check()
    page.get_by_label("Reason").fill("looks after the evening shift")
    page.get_by_role("button", name="Add the person").click()
    shown = page.locator("#secret")
    expect(shown).to_be_visible()
    password = shown.inner_text().strip()
    page.get_by_role("link", name="I have it").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    expect(page.get_by_role("group", name=stage.slug).get_by_label("Moderator")).to_be_checked()
    assert password not in page.content()

    theirs: Page = open_page()
    theirs.goto("/accounts/login/")
    sign_in_here(theirs, name, password)
    theirs.wait_for_url(lambda url: url.endswith(stage.page()))  # the only cluster there is for them
    links = theirs.get_by_role("navigation", name="Main").get_by_role("link")
    expect(links.filter(has_text="Messages")).to_be_visible()
    for hidden in ("Audit", "People", "Tokens"):
        expect(links.filter(has_text=hidden)).to_have_count(0)
    theirs.get_by_role("button", name=f"Cluster {stage.slug}: choose another").click()
    expect(theirs.locator("#clusters").get_by_role("link", name=stage.slug)).to_be_visible()
    expect(theirs.locator("#clusters").get_by_role("link", name="Demo")).to_have_count(0)
    for address, status in (("/c/demo/", 404), ("/audit/", 403), ("/settings/people/", 403)):
        reply = theirs.goto(address)
        assert reply and reply.status == status, address


def test_the_chain_of_the_trail_holds_on_the_page_and_by_command(sign_in: Callable[..., Any], product: Product) -> None:
    page: Page = sign_in("admin")
    page.goto("/audit/")
    page.get_by_role("button", name="Check the chain").click()
    expect(page.get_by_role("main").get_by_role("status")).to_contain_text("Chain intact")
    assert product.manage("audit", "verify").startswith("The chain holds: ")
