"""How a message is written for services that nobody plays here, and without what most messages have."""

import pytest
from test_vendors import RAISED, message

from monitor.dress import Form, Worn, dress


def test_plain_text_goes_to_whom_nothing_better_is_known() -> None:
    assert dress(RAISED, "ntfy", Form.AUTO, has_title=True) == Worn(RAISED.title, RAISED.body, Form.TEXT)


@pytest.mark.parametrize("service", ["json", "mailto", "pagerduty", "slack"])
def test_an_at_stays_one_where_it_is_no_mention(service: str) -> None:
    assert "@all" in dress(message("a", "b @all"), service, Form.TEXT, has_title=True).body


@pytest.mark.parametrize("form", [Form.TEXT, Form.MARKDOWN, Form.HTML])
def test_an_at_is_muted_where_it_may_ring_up_everybody_and_an_address_is_left_alone(form: Form) -> None:
    worn = dress(message("@here", "@all ops@example.org"), "mmost", form, has_title=True)
    assert worn == Worn("@\u200bhere", "@\u200ball ops@example.org", form)


def test_without_a_place_for_a_title_it_is_the_first_line_in_bold() -> None:
    assert dress(message("a_ <b", "c: d"), "x", Form.HTML, has_title=False).body == "<b>a_ &lt;b</b><br/>\n<b>c:</b> d"
    assert dress(message("a_ <b", "c: d"), "x", Form.MARKDOWN, has_title=False).body == "**a\\_ \\<b**\n**c:** d"


@pytest.mark.parametrize("form", [Form.TEXT, Form.MARKDOWN, Form.HTML])
@pytest.mark.parametrize("service", ["ntfy", "slack", "discord"])
def test_a_message_without_a_body_is_its_title(service: str, form: Form) -> None:
    worn = dress(message("all is said", ""), service, form, has_title=True)
    assert (worn.title, worn.body) == ("", "all is said")


def test_markdown_escapes_only_what_would_be_markup() -> None:
    body = "main_eu_west _x_ 2 * 3 = 6 (so)\n1. a\n12) b\n- c\n+ d\n# e\n&amp; & f"
    assert dress(message("t", body), "ntfy", Form.MARKDOWN, has_title=True).body == (
        "main_eu_west \\_x\\_ 2 \\* 3 = 6 (so)\n1\\. a\n12\\) b\n\\- c\n\\+ d\n\\# e\n\\&amp; & f"
    )
