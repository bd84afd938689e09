"""docs/messages.md shows what people will really be sent."""

from pathlib import Path

import catalogue

PAGE = Path(__file__).parent.parent / "docs" / "messages.md"


def test_the_page_shows_every_message_word_for_word() -> None:
    assert PAGE.read_text() == "".join(catalogue.page())


def test_no_message_calls_a_fall_usage() -> None:
    shown = PAGE.read_text().partition("\n## ")[2]
    assert "usage" not in shown.lower()
