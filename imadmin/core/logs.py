"""Logging through structlog, with secrets taken out before a line is written."""

import logging
import logging.config
import re
from typing import Any

import structlog

_SECRET_KEYS = re.compile(r"token|password|secret|authorization|cookie|jwt|api_key", re.IGNORECASE)
_SECRET_TEXT = re.compile(r"(?i)(bearer\s+|token[=:]\s*|password[=:]\s*|authorization=)[^\s&\"']+")


def redact(_logger: Any, _name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Blank values under telling names, and telling phrases inside texts."""
    for key, value in list(event.items()):
        if _SECRET_KEYS.search(key):
            event[key] = "[redacted]"
        elif isinstance(value, str):
            event[key] = _SECRET_TEXT.sub(r"\1[redacted]", value)
    return event


def configure(options: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG hook. options: {"json": bool}."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.ExtraAdder(),
        redact,
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer = (
        structlog.processors.JSONRenderer() if options.get("json") else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": shared,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                }
            },
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["console"], "level": "INFO"},
            "loggers": {
                "httpx": {"level": "WARNING"},
                "httpcore": {"level": "WARNING"},
                # While Redis is away: a traceback a second of what cache.gone and live.layer_gone say once.
                "channels_redis": {"level": "CRITICAL"},
                # Our own banner says where; the server's lines would say it again.
                "uvicorn.error": {"level": "WARNING"},
                "uvicorn.access": {"level": "WARNING"},
            },
        }
    )
