"""The daemon itself, started as people start it, sends pictures; and messages without one, where there can be none."""

import base64
import os
from pathlib import Path

from live import Api, Run, settings
from pixels import read
from receivers import MailServer, Webhook


def low(api: Api) -> None:
    api.change(balance_usd=4.07, spend_usd_per_hour=0, low_balance_alert=False, alert_threshold=0)


def test_a_mail_and_a_webhook_bring_the_picture_of_what_they_tell(tmp_path: Path) -> None:
    with Api() as api, MailServer() as mail, Webhook() as hook, Run(tmp_path, settings(api, mail.url, hook.url)) as run:
        low(api)
        run.start()
        (message, *_) = mail.wait_messages(1, 30)
        (post, *_) = hook.wait_posts(1, 30)
        assert run.stop() == 0
    assert message["Subject"] == "[CRITICAL] main: $4.07 left (at or below $5.00)"
    (attached,) = message.iter_attachments()
    assert (attached.get_content_type(), attached.get_filename()) == ("image/png", "main.png")
    assert read(attached.get_content()).size == (720, 540)
    (shown,) = post.body["attachments"]
    assert read(base64.b64decode(shown["base64"])).size == (720, 540)


def test_a_rasteriser_that_cannot_be_loaded_costs_nothing_but_the_picture(tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    planted.mkdir()
    (planted / "resvg_py.py").write_text("raise ImportError('planted')\n")
    path = f"{planted}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    with Api() as api, Webhook() as hook, Run(tmp_path, settings(api, hook.url), PYTHONPATH=path) as run:
        low(api)
        run.start()
        (post, *_) = hook.wait_posts(1, 30)
        run.wait_event("not_drawn")
        assert run.stop() == 0
    assert post.body["title"] == "[CRITICAL] main: $4.07 left (at or below $5.00)"
    assert [one.body["attachments"] for one in hook.attempts] == [[]]
