"""The manifests fit each other, the service they run, and the sidecar that Dapr puts beside it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from fastapi.routing import APIRoute
from tests.kubernetes.renderer import KUBERNETES, Resource, dapr_source, render
from tests.kubernetes.rules import pod_annotations

from travelbuddy.api.routes import chat, flights, health, sessions, users, web, workflows
from travelbuddy.runtime.plan import APP_ID
from travelbuddy.serving import LAST_WORDS
from travelbuddy.settings import Settings
from travelbuddy.unsafe_settings import refuse_unsafe

OVERLAYS = sorted(path.name for path in (KUBERNETES / "overlays").iterdir())
NOT_OURS = {"FORWARDED_ALLOW_IPS"}  # uvicorn reads it: whose X-Forwarded-For is believed
PUBLIC = {"/docs", "/openapi.json"}  # FastAPI's own
INSIDE = {"/metrics"}
STOPPING = LAST_WORDS + 1  # seconds after DRAIN_SECONDS, as docs/upgrading.md promises


class Rendered:
    """One overlay, and what its one Deployment says."""

    def __init__(self, overlay: str) -> None:
        self.name = overlay
        self.resources = render(KUBERNETES / "overlays" / overlay)
        self.deployment = self.one("Deployment", "travelbuddy")
        self.annotations = pod_annotations(self.deployment)
        self.pod: dict[str, Any] = self.deployment["spec"]["template"]["spec"]
        (self.container,) = self.pod["containers"]

    def one(self, kind: str, name: str) -> Resource:
        """The resource of that kind and name."""
        (found,) = [r for r in self.resources if (r["kind"], r["metadata"]["name"]) == (kind, name)]
        return found

    def all(self, kind: str) -> list[Resource]:
        """Every resource of a kind."""
        return [r for r in self.resources if r["kind"] == kind]

    @property
    def environment(self) -> dict[str, str]:
        """What the ConfigMap of the container says."""
        (source,) = self.container["envFrom"]
        return dict(self.one("ConfigMap", source["configMapRef"]["name"])["data"])

    @property
    def secret_files(self) -> dict[str, str]:
        """The files in /run/secrets, each with the Secret it comes from."""
        sources = [s["secret"] for v in self.pod["volumes"] for s in v.get("projected", {}).get("sources", [])]
        return {item["path"]: source["name"] for source in sources for item in source["items"]}


@pytest.fixture(scope="module", params=OVERLAYS)
def rendered(request: pytest.FixtureRequest) -> Rendered:
    """Each overlay."""
    return Rendered(request.param)


@pytest.fixture(scope="module", params=[name for name in OVERLAYS if name != "development"])
def production(request: pytest.FixtureRequest) -> Rendered:
    """The overlays that people are let in to."""
    return Rendered(request.param)


def test_everything_is_in_the_overlays_namespace(rendered: Rendered) -> None:
    """Also Dapr's kinds: a component of another namespace is not seen."""
    (namespace,) = rendered.all("Namespace")
    others = [r for r in rendered.resources if r["kind"] != "Namespace"]
    assert {r["metadata"].get("namespace") for r in others} == {namespace["metadata"]["name"]}


def test_selectors_find_the_pods(rendered: Rendered) -> None:
    """Service, disruption budget, network policies and spreading select what the Deployments make."""
    made = [
        r["spec"]["template"]["metadata"]["labels"]
        for kind in ("Deployment", "StatefulSet")
        for r in rendered.all(kind)
    ]
    selectors = [r["spec"]["selector"] for r in rendered.all("Service")]
    selectors += [r["spec"]["selector"]["matchLabels"] for r in rendered.all("PodDisruptionBudget")]
    selectors += [r["spec"]["podSelector"].get("matchLabels", {}) for r in rendered.all("NetworkPolicy")]
    selectors += [s["labelSelector"]["matchLabels"] for s in rendered.pod["topologySpreadConstraints"]]
    assert all(any(selector.items() <= labels.items() for labels in made) for selector in selectors)
    assert rendered.deployment["spec"]["selector"]["matchLabels"].items() <= made[0].items()


def test_the_ports_agree(rendered: Rendered) -> None:
    """Service, probes, Dapr and Prometheus ask the port that the service listens on."""
    (port,) = rendered.container["ports"]
    (served,) = rendered.one("Service", "travelbuddy")["spec"]["ports"]
    probes = [
        rendered.container[probe]["httpGet"]["port"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    ]
    assert {served["targetPort"], *probes} == {port["name"]}
    assert port["containerPort"] == Settings.model_fields["app_port"].default
    assert "APP_PORT" not in rendered.environment
    assert {rendered.annotations[name] for name in ("dapr.io/app-port", "prometheus.io/port")} == {"8001"}
    assert rendered.environment["APP_HOST"] == "0.0.0.0"  # noqa: S104  the pod's own network


def test_probes_ask_what_they_should(rendered: Rendered) -> None:
    """Only readiness depends on sidecar and store: ending a process does not bring those back."""
    asked = {p: rendered.container[p]["httpGet"]["path"] for p in rendered.container if p.endswith("Probe")}
    assert asked == {"startupProbe": "/health", "livenessProbe": "/health", "readinessProbe": "/ready"}


def test_the_sidecar_is_told_what_the_service_is(rendered: Rendered) -> None:
    """App id, configuration and components are those of every other installation."""
    assert rendered.annotations["dapr.io/enabled"] == "true"
    assert rendered.annotations["dapr.io/app-id"] == APP_ID
    rendered.one("Configuration", rendered.annotations["dapr.io/config"])
    components = {c["metadata"]["name"]: c for c in rendered.all("Component")}
    assert set(components) == {"workflowstatestore", "conversationstore", "messagepubsub", "replicapubsub"}
    assert all(c["scopes"] == [APP_ID] for c in components.values())


def test_what_is_deployed_is_what_is_tested(rendered: Rendered) -> None:
    """Dapr's resources are those of deploy/components, which the integration suite runs on, word by word."""
    folder = KUBERNETES.parent / "components" / ("postgres" if rendered.name.endswith("postgres") else "redis")
    files = [each for file in folder.glob("*.yaml") for each in yaml.safe_load_all(file.read_text(encoding="utf-8"))]
    there = {(r["kind"], r["metadata"]["name"]): r["spec"] for r in files if r["kind"] != "Kustomization"}
    ours = [r for r in rendered.resources if r["apiVersion"].startswith("dapr.io/")]
    assert {(r["kind"], r["metadata"]["name"]): r["spec"] for r in ours} == there


def test_what_components_take_from_the_environment_is_there(rendered: Rendered) -> None:
    """Each variable that a component refers to is given to the sidecar; a password may be missing in development."""
    given = ",".join(rendered.annotations.get(name, "") for name in ("dapr.io/env", "dapr.io/env-from-secret"))
    names = set(re.findall(r"(?:^|,)([A-Z_]+)=", given))
    wanted = {m["envRef"] for c in rendered.all("Component") for m in c["spec"]["metadata"] if "envRef" in m}
    assert wanted
    assert wanted - names <= ({"REDIS_PASSWORD"} if rendered.name == "development" else set())


def test_the_sidecar_outlives_the_service_and_both_have_the_time(rendered: Rendered) -> None:
    """SIGTERM: the app waits, drains and ends; the sidecar blocks that long; the kubelet waits for both."""
    drain = float(rendered.environment["DRAIN_SECONDS"])
    app = rendered.container["lifecycle"]["preStop"]["sleep"]["seconds"] + drain + STOPPING
    blocked = int(rendered.annotations["dapr.io/block-shutdown-duration"].removesuffix("s"))
    graceful = int(rendered.annotations["dapr.io/graceful-shutdown-seconds"])
    assert app < blocked
    assert blocked + graceful < rendered.pod["terminationGracePeriodSeconds"]


def test_the_autoscaler_scales_what_there_is(production: Rendered) -> None:
    """It names the Deployment, whose number of replicas nobody else sets, and every container requests a share."""
    target = production.one("HorizontalPodAutoscaler", "travelbuddy")["spec"]["scaleTargetRef"]
    assert (target["apiVersion"], target["kind"], target["name"]) == ("apps/v1", "Deployment", "travelbuddy")
    assert "replicas" not in production.deployment["spec"]
    assert set(production.container["resources"]["requests"]) == {"cpu", "memory"}
    assert {"dapr.io/sidecar-cpu-request", "dapr.io/sidecar-memory-request"} <= set(production.annotations)


def test_every_setting_in_the_manifests_is_one(rendered: Rendered) -> None:
    """Variables and files of secrets are settings of the service, and the service would start with them."""
    fields = set(Settings.model_fields)
    assert {name.lower() for name in rendered.environment.keys() - NOT_OURS} <= fields
    assert set(rendered.secret_files) <= fields
    secrets = dict.fromkeys(rendered.secret_files, "0" * 64) | {"webhook_secret": "whsec_" + "0" * 64}
    chosen: dict[str, Any] = {name.lower(): value for name, value in rendered.environment.items()} | secrets
    refuse_unsafe(Settings(_env_file=None, **chosen))


def test_production_asks_who_calls(production: Rendered) -> None:
    """AUTH is set, and app and sidecar show each other the same two tokens."""
    assert production.environment["AUTH"] != "none"
    assert "INSECURE" not in production.environment
    assert production.secret_files["app_api_token"] == production.annotations["dapr.io/app-token-secret"]
    assert production.secret_files["dapr_api_token"] == production.annotations["dapr.io/api-token-secret"]


def test_nothing_secret_is_in_the_files(rendered: Rendered) -> None:
    """There is no Secret, only references to some."""
    assert rendered.all("Secret") == []
    secret = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    assert not {name.lower() for name in rendered.environment} & secret


def test_the_containers_may_do_nothing(rendered: Rendered) -> None:
    """Not root, no capability, nothing to write but /tmp, no token of the cluster."""
    assert rendered.pod["automountServiceAccountToken"] is False
    assert rendered.pod["securityContext"]["runAsNonRoot"] is True
    assert rendered.pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    context = rendered.container["securityContext"]
    assert (context["runAsUser"], context["runAsGroup"]) == (10001, 10001)
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    writable = [m["mountPath"] for m in rendered.container["volumeMounts"] if not m.get("readOnly")]
    assert writable == ["/tmp"]  # noqa: S108


def _lets(policy: Resource, way: str, port: int, **labels: str) -> bool:
    """Whether the policy lets somebody with these labels, of a namespace or a pod, in or out at a port."""
    for rule in policy["spec"].get(way, []):
        peers = rule.get("from" if way == "ingress" else "to", [])
        selectors = [s["matchLabels"] for peer in peers for k, s in peer.items() if k.endswith("Selector")]
        if any(p["port"] == port for p in rule["ports"]) and any(s.items() <= labels.items() for s in selectors):
            return True
    return False


def test_the_network_is_closed_but_for_what_is_needed(rendered: Rendered) -> None:
    """The ingress and Prometheus get in, sidecars reach each other and Dapr; the ingress sees no sidecar."""
    policy = rendered.one("NetworkPolicy", "travelbuddy")
    closed = rendered.one("NetworkPolicy", "default-deny")["spec"]
    assert closed == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    namespace = "kubernetes.io/metadata.name"
    pods = rendered.deployment["spec"]["template"]["metadata"]["labels"]
    metrics = int(rendered.annotations["dapr.io/metrics-port"])
    assert _lets(policy, "ingress", 8001, **{namespace: "ingress-nginx"})
    assert not _lets(policy, "ingress", metrics, **{namespace: "ingress-nginx"})
    assert all(_lets(policy, "ingress", port, **{namespace: "monitoring"}) for port in (8001, metrics))
    assert all(_lets(policy, way, 50002, **pods) for way in ("ingress", "egress"))
    assert not any(_lets(policy, "ingress", port, **pods) for port in (3500, 50001))
    assert all(_lets(policy, "egress", port, **{namespace: "dapr-system"}) for port in _control_plane())
    assert _lets(policy, "egress", 53, **{namespace: "kube-system"})


def _control_plane() -> list[int]:
    """The ports of the pods that every sidecar talks to, as Dapr's own chart has them."""
    charts = dapr_source() / "charts" / "dapr" / "charts"
    found = {
        "dapr_operator": r"targetPort: (6500)",
        "dapr_sentry": r"targetPort: (50001)",
        "dapr_placement": r"apiPort: (\d+)",
    }
    ports = []
    for chart, pattern in found.items():
        match = re.search(pattern, (charts / chart / "values.yaml").read_text(encoding="utf-8"))
        assert match, chart
        ports.append(int(match[1]))
    scheduler = (charts / "dapr_scheduler" / "templates" / "dapr_scheduler_service.yaml").read_text(encoding="utf-8")
    match = re.search(r"targetPort: (\d+)", scheduler)
    assert match
    return [*ports, int(match[1])]


def test_the_ingress_has_every_door_for_people_and_no_other(production: Rendered) -> None:
    """Each public route is under one of its paths; metrics, events and the built-in model are under none."""
    (rule,) = production.one("Ingress", "travelbuddy")["spec"]["rules"]
    exact = [path["path"] for path in rule["http"]["paths"] if path["pathType"] == "Exact"]
    prefixes = [path["path"] for path in rule["http"]["paths"] if path["pathType"] == "Prefix"]

    def open_(path: str) -> bool:
        under = any(path == prefix or path.startswith(f"{prefix.rstrip('/')}/") for prefix in prefixes)
        return under or path in exact

    routes = [
        r.path
        for part in (chat, workflows, sessions, users, flights, web, health)
        for r in part.router.routes
        if isinstance(r, APIRoute)
    ]
    assert [path for path in {*routes, *PUBLIC} - INSIDE if not open_(path)] == []
    assert [
        path for path in (*INSIDE, "/messages/travelbuddy", "/messages/dead", "/offline-model") if open_(path)
    ] == []
