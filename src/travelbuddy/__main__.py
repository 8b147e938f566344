"""``python -m travelbuddy``: serve the app beside a sidecar that is already there (`dapr run`, Kubernetes)."""

import sys

from travelbuddy.errors import RuntimeProblem
from travelbuddy.settings import load_settings
from travelbuddy.unsafe_settings import refuse_unsafe


def main() -> None:
    """Serve until told to stop; a bad setting is one line and exit code 2."""
    try:
        settings = load_settings()
        refuse_unsafe(settings)
    except RuntimeProblem as problem:
        sys.stderr.write(f"{problem}\n")
        raise SystemExit(2) from None
    # structlog loads rich where it is installed, for tracebacks that are not printed here: 5 MB and a tenth of a second
    sys.modules["rich"] = None  # type: ignore[assignment]
    from travelbuddy.telemetry.audit import configure_audit
    from travelbuddy.telemetry.logging import configure_logging

    # before the SDKs are imported and log on their own
    configure_logging(settings.log_level, settings.log_format, content=settings.log_content, replica=settings.replica)

    try:
        configure_audit(settings.audit_log)
    except OSError as error:
        sys.stderr.write(f"AUDIT_LOG: {settings.audit_log} cannot be written ({error.strerror}).\n")
        raise SystemExit(2) from None

    from travelbuddy.app import serve
    from travelbuddy.telemetry.tracing import configure_tracing

    configure_tracing(settings)

    serve(settings)


if __name__ == "__main__":
    main()
