"""The shape of the configuration: every key of this release, its default, and one line of why.

Rule tables stay as they were written, because an account's rule is read only once it lies over the global one.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from monitor.config.effective import Listen
from monitor.config.fields import (
    Address,
    ApiKey,
    AppriseUrl,
    BaseUrl,
    Database,
    Interval,
    Kept,
    ListenAt,
    Name,
    Names,
    PageUrl,
    QuietHours,
    Schedule,
    Timeout,
    Token,
    Zone,
)
from monitor.cron import parse_cron
from monitor.rules import OWN, PER_LEVEL, RULES, Pauses, Watch

_STRICT = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _tables(name: str, rules: Sequence[type[Watch]]) -> type[BaseModel]:
    """Return a model of one table a rule; used for the JSON Schema."""
    fields: dict[str, Any] = {
        rule.name: (rule, Field(rule(), description=(rule.__doc__ or "").partition("\n")[0])) for rule in rules
    }
    return create_model(name, __config__=_STRICT, **fields)


def _as_written(schema: type[BaseModel]) -> BeforeValidator:
    return BeforeValidator(lambda raw: raw, json_schema_input_type=schema)


Tables = Annotated[dict[str, dict[str, Any]], _as_written(_tables("RuleTables", (*RULES, *OWN)))]
AccountTables = Annotated[dict[str, dict[str, Any]], _as_written(_tables("AccountRuleTables", RULES))]


class LogShape(BaseModel):
    """What the monitor writes about itself."""

    model_config = _STRICT
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error; nothing secret is logged at any of them"
    )
    format: Literal["auto", "json", "console", "journal"] = Field(
        "auto", description="auto, json, console or journal; auto takes what suits where the output goes"
    )


class RetentionShape(BaseModel):
    """How long readings are kept."""

    model_config = _STRICT
    raw: Kept = Field(timedelta(days=35), description='every reading; at least "2d"')
    hourly: Kept = Field(timedelta(days=400), description="after that one an hour, until they are that old")


class WebShape(BaseModel):
    """The page, the JSON API and the metrics."""

    model_config = _STRICT
    listen: ListenAt = Field(
        Listen("127.0.0.1", 8080),
        description='where it is served; "off" for none; beyond this machine only with a token',
    )
    url: PageUrl | None = Field(
        None,
        description="off unless set: where people find it, for links in messages; its host may be asked for",
        examples=["https://monitor.example"],
    )
    token: Token | None = Field(
        None, description="secret, off unless set; who has it may read all of it and snooze", examples=["…"]
    )
    token_file: str | None = Field(
        None, description="instead of token: a file that holds it", examples=["/run/secrets/web_token"], min_length=1
    )


class AccountShape(BaseModel):
    """An account: one API key that is polled."""

    model_config = _STRICT
    api_key: ApiKey | None = Field(None, description="secret; $LEGNEXT_API_KEY will do for main", examples=["…"])
    api_key_file: str | None = Field(
        None, description="instead of api_key: a file that holds it", examples=["/run/secrets/legnext"], min_length=1
    )
    base_url: BaseUrl = Field("https://api.legnext.ai", description="where the API is; another one for a proxy")
    interval: Interval | None = Field(
        None, description="default: the global one; shorter for an account that is spent fast", examples=["5m"]
    )
    channels: Names = Field(
        None, description="default: all; a message goes where the account and the channel agree", examples=[["ops"]]
    )
    rules: AccountTables = Field({}, description="rules of this account alone, key by key over the global ones")


class ChannelShape(BaseModel):
    """A channel: one Apprise URL."""

    model_config = _STRICT
    url: AppriseUrl | None = Field(
        None, description="secret; any Apprise URL: chat, e-mail, telephone", examples=["slack://…"]
    )
    url_file: str | None = Field(
        None, description="instead of url: a file that holds it", examples=["/run/secrets/ops_url"], min_length=1
    )
    min_level: Literal["info", "warning", "critical", "off"] = Field(
        "info", description="info, warning, critical, or off for a channel that is only a fallback"
    )
    accounts: Names = Field(None, description="default: all; the accounts it hears about", examples=[["main"]])
    quiet_hours: QuietHours = Field(
        None,
        description="off unless set: hours of the day in which only what is critical goes out",
        examples=["22:00-07:00"],
    )
    fallback: str | None = Field(
        None, description="off unless set: the channel that gets what this one could not deliver", examples=["mail"]
    )
    format: Literal["auto", "text", "markdown", "html"] = Field(
        "auto", description="auto, text, markdown or html; auto takes what suits the service"
    )
    chart: bool = Field(True, description="attach a picture of the last seven days where the service can show one")


class DigestShape(BaseModel):
    """How every account stands and what went, by a schedule."""

    model_config = _STRICT
    schedule: Schedule = Field(
        parse_cron("0 9 * * mon"),
        description="cron; numbers as in cron (0 and 7 are Sunday); missed by under 12 h: sent once",
    )
    channels: Names = Field(
        None, description="default: all that are not only a fallback; whatever their min_level", examples=[["mail"]]
    )


class Shape(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    interval: Interval = Field(timedelta(minutes=5), description='how often each account is polled; at least "5s"')
    timezone: Zone = Field(ZoneInfo("UTC"), description="for the times in messages, quiet hours and the digest")
    database: Database | None = Field(
        None,
        description="default: monitor.db in $STATE_DIRECTORY, else here if the folder exists, else in $XDG_STATE_HOME",
        examples=["sqlite:////var/lib/balance-monitor/monitor.db"],
    )
    timeout: Timeout = Field(
        timedelta(seconds=20), description="for a whole poll, retries included; at most the interval"
    )
    heartbeat_url: Address | None = Field(
        None,
        description="secret, off unless set; GET once a minute while the monitor does its work",
        examples=["https://…"],
    )
    heartbeat_url_file: str | None = Field(
        None,
        description="instead of heartbeat_url: a file that holds it",
        examples=["/run/secrets/heartbeat_url"],
        min_length=1,
    )
    heartbeat_fail_url: Address | None = Field(
        None, description="secret, off unless set; GET once a minute while it does not", examples=["https://…"]
    )
    heartbeat_fail_url_file: str | None = Field(
        None,
        description="instead of heartbeat_fail_url: a file that holds it",
        examples=["/run/secrets/heartbeat_fail_url"],
        min_length=1,
    )
    retention: RetentionShape = RetentionShape()
    log: LogShape = LogShape()
    web: WebShape = WebShape()
    rules: Tables = Field({}, description="what counts as trouble, for every account")
    accounts: dict[Name, AccountShape] = Field({}, description="what is polled")
    channels: dict[Name, ChannelShape] = Field({}, description="who is told; without any, alerts go to the log")
    digest: DigestShape = DigestShape()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the layers that the caller made: theirs are read from the process and know no place of a value."""
        return tuple(init_settings.init_kwargs["layers"]) if isinstance(init_settings, InitSettingsSource) else ()


Keys = dict[str, "Keys | None"]
"""The keys of a table, each with the keys below it; None where a value stands."""
ANY = "*"
"""Stands for every name of an account or a channel."""


def _keys(model: type[BaseModel]) -> Keys:
    return dict.fromkeys(model.model_fields)


_LEVELS: Keys = dict.fromkeys(Pauses.__dataclass_fields__)
_RULES: Keys = {rule.name: _keys(rule) | dict.fromkeys(PER_LEVEL, _LEVELS) for rule in RULES}
_OWN: Keys = {rule.name: _keys(rule) | {"remind_every": _LEVELS} for rule in OWN}
KEYS: Keys = _keys(Shape) | {
    "retention": _keys(RetentionShape),
    "log": _keys(LogShape),
    "web": _keys(WebShape),
    "rules": _RULES | _OWN,
    "accounts": {ANY: _keys(AccountShape) | {"rules": _RULES}},
    "channels": {ANY: _keys(ChannelShape)},
    "digest": _keys(DigestShape),
}
