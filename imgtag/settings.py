"""What can be set, from the environment, a `.env` file or `imgtag.toml`; checked all at once."""

import os
import re
from email.utils import parseaddr
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from imgtag.domain.addresses import Channel, address_of
from imgtag.domain.errors import Invalid
from imgtag.domain.sources import Scheme, Source

MIB: Final = 1024 * 1024

Profile = Literal["local", "aws"]

_BACKENDS: Final[dict[Profile, dict[str, str]]] = {
    "local": {
        "blobs": "files",
        "catalog": "sqlite",
        "queue": "sqlite",
        "labeler": "onnx",
        "notifier": "outbox",
        "bundles": "sqlite",
    },
    "aws": {
        "blobs": "s3",
        "catalog": "dynamodb",
        "queue": "sqs",
        "labeler": "rekognition",
        "notifier": "sns",
        "auth": "oidc",
        "bundles": "dynamodb",
    },
}

Words = Annotated[tuple[str, ...], NoDecode]


# What the commands that call a service read; a `.env` may hold both halves.
CLIENT_NAMES: Final = frozenset({"server", "token"})


def is_loopback(host: str | None) -> bool:
    """Tell whether *host* is this machine, as only the machine itself reaches it."""
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def config_file() -> Path:
    """Tell which TOML file counts."""
    return Path(os.environ.get("IMGTAG_CONFIG") or "imgtag.toml")


class _WithoutClientSettings(DotEnvSettingsSource):
    def __call__(self) -> dict[str, Any]:
        known = super().__call__()
        return {name: value for name, value in known.items() if name not in CLIENT_NAMES}


def _lies_in(source: Source, data_dir: Path | None) -> bool:
    place = Path("/", *source.parts).resolve()
    return data_dir is not None and place.is_relative_to(data_dir.resolve())


def _data_dir() -> Path:
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "imgtag"


class Settings(BaseSettings):
    """Every setting; the environment calls them ``IMGTAG_<NAME>``. See docs/configuration.md.

    Later sources lose: arguments, environment, `.env`, then the TOML file that ``IMGTAG_CONFIG``
    names (``imgtag.toml`` by default).
    """

    model_config = SettingsConfigDict(
        env_prefix="IMGTAG_",
        env_file=".env",
        extra="forbid",
        frozen=True,
        dotenv_filtering="match_prefix",
    )

    profile: Profile = "local"
    blobs: str = ""
    catalog: str = ""
    queue: str = ""
    labeler: str = ""
    notifier: str = ""
    auth: str = ""
    bundles: str = ""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    public_url: str = ""
    cors_origins: Words = ()
    trusted_hosts: Words = ()
    page_sources: Words = ()
    data_dir: Path = Field(default_factory=_data_dir)
    secret: SecretStr | None = None
    parameters: str = ""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = "auto"
    drain_seconds: float = Field(25, ge=0, le=3600)
    poll_seconds: float = Field(2, gt=0, le=20)
    live_events: bool = True

    max_photo_bytes: int = Field(64 * MIB, ge=1024, le=5 * 1024 * MIB)
    min_confidence: float = Field(70, ge=0, le=100)
    max_labels: int = Field(25, ge=1, le=45)
    bundle_memory: int = Field(64 * MIB, ge=MIB)
    trash_days: int = Field(30, ge=1, le=3650)
    upload_minutes: int = Field(60, ge=1, le=24 * 60)
    imaging_workers: int = Field(0, ge=0, le=64)
    model: Path | None = None
    import_sources: Words = ()

    smtp_host: str = ""
    smtp_tls: Literal["starttls", "tls", "none"] = "starttls"
    smtp_port: int | None = Field(None, ge=1, le=65535)
    smtp_from: str = ""
    smtp_user: str = ""
    smtp_password: SecretStr | None = None

    s3_bucket: str = ""
    s3_working_bucket: str = ""
    s3_connections: int = Field(64, ge=1, le=1000)
    restore_tier: Literal["Standard", "Bulk"] = "Standard"
    cloudfront_url: str = ""
    cloudfront_key_id: str = ""
    cloudfront_key: SecretStr | None = None
    dynamodb_catalog: str = ""
    dynamodb_jobs: str = ""
    dynamodb_shards: int = Field(16, ge=1, le=64)
    sqs_photos: str = ""
    sqs_bundles: str = ""
    sqs_lease_seconds: int = Field(60, ge=2, le=43200)
    sns_topic: str = ""
    worker_service: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr | None = None
    oidc_jwks_url: str = ""
    rekognition_rate: float = Field(5, gt=0)
    rekognition_monthly_limit: int | None = Field(None, ge=0)
    rekognition_fallback: str = ""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - ours reads the same file
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add the TOML file behind the environment."""
        toml = TomlConfigSettingsSource(settings_cls, config_file())
        dotenv = _WithoutClientSettings(settings_cls)
        return init_settings, env_settings, dotenv, file_secret_settings, toml

    @field_validator(
        "cors_origins", "trusted_hosts", "page_sources", "import_sources", mode="before"
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(re.findall(r"[^,\s]+", value)) if isinstance(value, str) else value

    @field_validator("dynamodb_shards")
    @classmethod
    def _is_power_of_two(cls, value: int) -> int:
        if value & (value - 1):
            msg = "is 1, 2, 4, 8, 16, 32 or 64"
            raise ValueError(msg)
        return value

    @field_validator("import_sources")
    @classmethod
    def _are_places(cls, value: tuple[str, ...], known: ValidationInfo) -> tuple[str, ...]:
        for text in value:
            try:
                source = Source.parse(text)
            except Invalid as error:
                msg = f"{text}: {error.detail}"
                raise ValueError(msg) from error
            if source.scheme is Scheme.FILE and _lies_in(source, known.data.get("data_dir")):
                msg = f"{text} lies in IMGTAG_DATA_DIR, with the photos of everybody"
                raise ValueError(msg)
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            if not re.fullmatch(r"https?://[^/?#@]+/?", text):
                msg = f"{text} is no origin; one looks like https://photos.example.org"
                raise ValueError(msg)
        return tuple(text.rstrip("/").lower() for text in value)

    @field_validator("public_url")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        if value and not re.match(r"https?://[^/]", value):
            msg = "starts with http:// or https://"
            raise ValueError(msg)
        return value.rstrip("/")

    @model_validator(mode="before")
    @classmethod
    def _choose_backends(cls, data: Any) -> Any:
        profile, host = data.get("profile", "local"), data.get("host", "127.0.0.1")
        if not (isinstance(profile, str) and isinstance(host, str)):
            return data  # each is refused by its own field
        defaults = dict(_BACKENDS.get(profile, {}))  # type: ignore[call-overload]
        defaults.setdefault("auth", "none" if is_loopback(host) else "oidc")
        return {**data, **{port: data.get(port) or name for port, name in defaults.items()}}

    @field_validator("host")
    @classmethod
    def _stay_private(cls, host: str, known: ValidationInfo) -> str:
        if known.data.get("auth") == "none" and not is_loopback(host):
            msg = f"with IMGTAG_AUTH=none only this machine is served, and {host} is no loopback"
            raise ValueError(msg)
        return host

    @field_validator("oidc_issuer", "oidc_jwks_url")
    @classmethod
    def _is_trustworthy(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and parts.scheme != "https" and not is_loopback(parts.hostname):
            msg = (
                "starts with https://, since whoever can change its answers can sign in as anybody"
            )
            raise ValueError(msg)
        return url

    @field_validator("smtp_from")
    @classmethod
    def _is_sender(cls, sender: str, known: ValidationInfo) -> str:
        if known.data.get("smtp_host"):
            try:
                address_of(Channel.EMAIL, parseaddr(sender)[1])
            except Invalid as error:
                msg = "with IMGTAG_SMTP_HOST, this is who the mail is from"
                raise ValueError(msg) from error
        return sender

    @field_validator("smtp_password")
    @classmethod
    def _stay_secret(cls, password: SecretStr | None, known: ValidationInfo) -> SecretStr | None:
        in_clear = known.data.get("smtp_tls") == "none"
        if password and in_clear and not is_loopback(known.data.get("smtp_host")):
            msg = "with IMGTAG_SMTP_TLS=none it would cross the network in clear"
            raise ValueError(msg)
        return password

    @property
    def sources(self) -> tuple[Source, ...]:
        """The places that may be imported from."""
        return tuple(Source.parse(text) for text in self.import_sources)

    @property
    def model_dir(self) -> Path:
        """The model folder of the ``onnx`` labeler."""
        return self.model or Path(__file__).parent / "models" / "scenes"


# What may lie with the parameters of AWS in place of the environment.
SECRETS: Final = frozenset(
    name for name, field in Settings.model_fields.items() if field.annotation == SecretStr | None
)
