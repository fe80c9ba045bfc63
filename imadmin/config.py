"""Everything the environment can decide, read once and nowhere else.

Each name here is documented in docs/operations.md.  Secrets that are not given are made once and kept in the data
folder with mode 0600, so that a second start keeps sessions and can still read what it encrypted.
"""

import os
import secrets
from pathlib import Path
from typing import Annotated, Any

from cryptography.fernet import Fernet
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

BASE_DIR = Path(__file__).resolve().parent.parent
Words = Annotated[list[str], NoDecode]


class Config(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="IMADMIN_", extra="ignore")

    data_dir: Path = BASE_DIR / "var"
    secret_key: str = ""
    database_url: str = ""
    # Where messages are archived; empty: beside a SQLite database as files, inside a PostgreSQL one.
    archive_url: str = ""
    redis_url: str = ""
    admin_password: str = ""
    port: int = Field(default=8000, ge=0, le=65535)
    host: str = "127.0.0.1"
    allowed_hosts: Words = ["localhost", "127.0.0.1", "[::1]"]
    encryption_keys: Words = []
    # https is the rule for anything but loopback; secure cookies follow it.
    https: bool = False
    # Whose X-Forwarded-For and -Proto are believed: the proxy's own addresses.
    trusted_proxies: Words = ["127.0.0.1", "::1"]
    exports: bool = True  # people may take search results along as files
    export_rows: int = Field(default=100_000, ge=1, le=10_000_000)
    export_hours: int = Field(default=24, ge=1, le=24 * 30)
    debug: bool = False
    log_json: bool = False
    # Networks that cluster addresses may point to; the owner widens it on purpose (docs/security.md).
    cluster_networks: Words = ["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]

    @field_validator("allowed_hosts", "encryption_keys", "cluster_networks", "trusted_proxies", mode="before")
    @classmethod
    def _split_words(cls, value: Any) -> Any:
        return [word for word in value.replace(",", " ").split() if word] if isinstance(value, str) else value

    def kept_secret(self, name: str, make: Any) -> str:
        """The secret of that name in the data folder, made on first use."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.data_dir / name
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text().strip()
        with os.fdopen(handle, "w") as file:
            file.write(make())
        return path.read_text().strip()

    def effective_secret_key(self) -> str:
        return self.secret_key or self.kept_secret("secret_key", lambda: secrets.token_urlsafe(48))

    def effective_encryption_keys(self) -> list[str]:
        return self.encryption_keys or [self.kept_secret("encryption_key", lambda: Fernet.generate_key().decode())]

    def effective_database_url(self) -> str:
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self.database_url or f"sqlite:///{self.data_dir / 'imadmin.sqlite3'}"

    def effective_archive_url(self) -> str:
        """postgres://… or empty for files in the data folder."""
        return self.archive_url or (self.database_url if self.database_url.startswith("postgres") else "")


config = Config()
