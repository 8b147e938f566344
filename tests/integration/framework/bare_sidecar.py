"""A sidecar with nothing but a state store: no app, no placement, no scheduler."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType

from dapr.aio.clients.grpc.client import DaprGrpcClientAsync
from tests.integration.framework.http_client import http_client
from tests.integration.framework.program import HOST, Program

from travelbuddy.adapters.dapr_records import STORE
from travelbuddy.adapters.dapr_sidecar import Connection, Sidecar
from travelbuddy.runtime.install import ensure_runtime
from travelbuddy.runtime.plan import APP_ID
from travelbuddy.runtime.ports import PortPlan

START_TIMEOUT = 15.0


class BareSidecar:
    """``async with BareSidecar("state.sqlite", metadata) as sidecar``; its log is printed only when the block fails."""

    def __init__(self, store_type: str, metadata: Mapping[str, str], version: str = "v1") -> None:
        self.http_port = self.grpc_port = 0
        self._folder = Path(tempfile.mkdtemp(prefix="travelbuddy-daprd-"))
        self._component = {
            "apiVersion": "dapr.io/v1alpha1",
            "kind": "Component",
            "metadata": {"name": STORE},
            "spec": {
                "type": store_type,
                "version": version,
                "metadata": [{"name": name, "value": value} for name, value in metadata.items()],
            },
        }
        self._ports = PortPlan()
        self._program: Program | None = None

    async def __aenter__(self) -> BareSidecar:
        try:
            resources = self._folder / "resources"
            resources.mkdir()
            (resources / "store.yaml").write_text(json.dumps(self._component))  # JSON is YAML
            self.http_port, self.grpc_port = self._ports.pick(), self._ports.pick()
            self._program = Program(self._command(resources), self._folder)
            await self._program.answers(self._healthy, START_TIMEOUT, "the sidecar is healthy")
        except BaseException:
            self._close(failed=True)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(failed=kind is not None)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Sidecar]:
        """The service's own connection to this sidecar, for the running event loop."""
        link = Sidecar(HOST, self.grpc_port, self.http_port)
        client = DaprGrpcClientAsync(f"{HOST}:{self.grpc_port}")
        link._connection = Connection(dapr=client, workflows=None, api=client._stub, metadata=())
        try:
            yield link
        finally:
            await client.close()

    def _command(self, resources: Path) -> list[str]:
        flags = {
            "app-id": APP_ID,
            "dapr-http-port": self.http_port,
            "dapr-grpc-port": self.grpc_port,
            "dapr-internal-grpc-port": self._ports.pick(),
            "dapr-listen-addresses": HOST,
            "dapr-internal-grpc-listen-address": HOST,
            "resources-path": resources,
            "dapr-graceful-shutdown-seconds": 1,
            "enable-metrics": "false",
        }
        return [ensure_runtime().program("daprd"), *(f"--{flag}={value}" for flag, value in flags.items())]

    async def _healthy(self) -> bool:
        async with http_client(timeout=2) as http:
            return (await http.get(f"http://{HOST}:{self.http_port}/v1.0/healthz/outbound")).is_success

    def _close(self, *, failed: bool) -> None:
        if self._program is not None:
            self._program.stop()
            if failed:
                print(f"----- daprd -----\n{self._program.printed()}")
        self._ports.close()
        shutil.rmtree(self._folder, ignore_errors=True)
