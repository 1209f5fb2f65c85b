/**
 * What widely used projects publish, cut down to what the rules read and written anew for this test: the ports, probes,
 * hooks, strategies and Services are theirs, images and everything else is left out. `baseline` is what was judged by
 * hand, with the reason why it is true.
 */
export interface WellKnown {
  readonly name: string;
  readonly baseline: readonly { readonly code: string; readonly object: string; readonly because: string }[];
  readonly manifests: string;
}

const workload = (kind: string, name: string, spec: string, pod: string) => `---
apiVersion: apps/v1
kind: ${kind}
metadata: { name: ${name} }
spec:
  ${spec === '' ? '' : `${spec}\n  `}selector: { matchLabels: { app: ${name} } }
  template: { metadata: { labels: { app: ${name} } }, spec: ${pod} }
`;
const deployment = (name: string, spec: string, pod: string) => workload('Deployment', name, spec, pod);
const service = (name: string, app: string, ports: string, more = '') => `---
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: ${app} }, ports: [${ports}]${more} }
`;

export const wellKnown: readonly WellKnown[] = [
  {
    name: 'ingress-nginx, cloud',
    baseline: [],
    manifests:
      deployment(
        'controller',
        'minReadySeconds: 0',
        '{ terminationGracePeriodSeconds: 300, containers: [{ name: controller, image: "registry.k8s.io/ingress-nginx/controller:v1.13.0", lifecycle: { preStop: { exec: { command: [/wait-shutdown] } } }, livenessProbe: { failureThreshold: 5, initialDelaySeconds: 10, httpGet: { path: /healthz, port: 10254 } }, readinessProbe: { initialDelaySeconds: 10, httpGet: { path: /healthz, port: 10254 } }, ports: [{ name: http, containerPort: 80 }, { name: https, containerPort: 443 }, { name: webhook, containerPort: 8443 }] }] }',
      ) +
      service(
        'controller',
        'controller',
        '{ port: 80, targetPort: http }, { port: 443, targetPort: https }',
        ', type: LoadBalancer',
      ) +
      service('admission', 'controller', '{ port: 443, targetPort: webhook }'),
  },
  {
    name: 'ingress-nginx, kind',
    baseline: [
      { code: 'GR302', object: 'controller', because: 'maxUnavailable 1 of one pod: every rollout has a gap' },
    ],
    manifests:
      deployment(
        'controller',
        'strategy: { type: RollingUpdate, rollingUpdate: { maxUnavailable: 1 } }',
        '{ terminationGracePeriodSeconds: 0, containers: [{ name: controller, image: "registry.k8s.io/ingress-nginx/controller:v1.13.0", lifecycle: { preStop: { exec: { command: [/wait-shutdown] } } }, readinessProbe: { httpGet: { port: 10254 } }, ports: [{ name: http, containerPort: 80, hostPort: 80 }, { name: https, containerPort: 443, hostPort: 443 }] }] }',
      ) +
      service(
        'controller',
        'controller',
        '{ port: 80, targetPort: http }, { port: 443, targetPort: https }',
        ', type: NodePort',
      ),
  },
  {
    name: 'kube-prometheus',
    baseline: [],
    manifests:
      deployment(
        'grafana',
        'replicas: 1',
        '{ containers: [{ name: grafana, image: "grafana/grafana:12.1.0", ports: [{ name: http, containerPort: 3000 }], readinessProbe: { httpGet: { path: /api/health, port: http } } }] }',
      ) +
      service('grafana', 'grafana', '{ name: http, port: 3000, targetPort: http }') +
      deployment(
        'blackbox-exporter',
        'replicas: 1',
        '{ containers: [{ name: blackbox-exporter, ports: [{ name: http, containerPort: 19115 }] }, { name: module-configmap-reloader }, { name: kube-rbac-proxy, image: "quay.io/brancz/kube-rbac-proxy:v0.19.1", ports: [{ name: https, containerPort: 9115 }] }] }',
      ) +
      service(
        'blackbox-exporter',
        'blackbox-exporter',
        '{ name: https, port: 9115, targetPort: https }, { name: probe, port: 19115, targetPort: http }',
      ) +
      deployment(
        'prometheus-operator',
        'replicas: 1',
        '{ containers: [{ name: prometheus-operator, ports: [{ name: http, containerPort: 8080 }] }, { name: kube-rbac-proxy, ports: [{ name: https, containerPort: 8443 }] }] }',
      ) +
      service(
        'prometheus-operator',
        'prometheus-operator',
        '{ name: https, port: 8443, targetPort: https }',
        ', clusterIP: None',
      ) +
      deployment(
        'prometheus-adapter',
        'replicas: 2\n  strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } }',
        '{ containers: [{ name: prometheus-adapter, ports: [{ name: https, containerPort: 6443 }], startupProbe: { httpGet: { path: /livez, port: https } }, livenessProbe: { failureThreshold: 5, periodSeconds: 5, initialDelaySeconds: 30, httpGet: { path: /livez, port: https } }, readinessProbe: { failureThreshold: 5, periodSeconds: 5, initialDelaySeconds: 30, httpGet: { path: /readyz, port: https } } }] }',
      ) +
      service('prometheus-adapter', 'prometheus-adapter', '{ name: https, port: 443, targetPort: 6443 }') +
      workload(
        'DaemonSet',
        'node-exporter',
        'updateStrategy: { rollingUpdate: { maxUnavailable: 10% } }',
        '{ hostNetwork: true, containers: [{ name: node-exporter }, { name: kube-rbac-proxy, ports: [{ name: https, containerPort: 9100, hostPort: 9100 }] }] }',
      ) +
      service('node-exporter', 'node-exporter', '{ name: https, port: 9100, targetPort: https }', ', clusterIP: None'),
  },
  {
    name: 'cert-manager',
    baseline: [],
    manifests:
      deployment(
        'cert-manager',
        'replicas: 1',
        '{ containers: [{ name: cert-manager-controller, ports: [{ name: http-metrics, containerPort: 9402 }, { name: http-healthz, containerPort: 9403 }], livenessProbe: { failureThreshold: 8, initialDelaySeconds: 10, httpGet: { path: /livez, port: http-healthz } } }] }',
      ) +
      service('cert-manager', 'cert-manager', '{ name: tcp-prometheus-servicemonitor, port: 9402 }') +
      deployment(
        'webhook',
        'replicas: 1',
        '{ containers: [{ name: cert-manager-webhook, ports: [{ name: https, containerPort: 10250 }, { name: healthcheck, containerPort: 6080 }], livenessProbe: { initialDelaySeconds: 60, httpGet: { path: /livez, port: healthcheck } }, readinessProbe: { initialDelaySeconds: 5, periodSeconds: 5, httpGet: { path: /healthz, port: healthcheck } } }] }',
      ) +
      service('webhook', 'webhook', '{ name: https, port: 443, targetPort: https }'),
  },
  {
    name: 'Argo CD',
    baseline: [
      { code: 'GR101', object: 'redis', because: 'no probe: connections are refused until it listens' },
      { code: 'GR101', object: 'dex-server', because: 'no probe: log-ins fail until it listens' },
      { code: 'GR101', object: 'applicationset-controller', because: 'no probe on the webhook port' },
    ],
    manifests:
      deployment(
        'server',
        '',
        '{ containers: [{ name: argocd-server, ports: [{ containerPort: 8080 }, { containerPort: 8083 }], readinessProbe: { initialDelaySeconds: 3, periodSeconds: 30, httpGet: { path: /healthz, port: 8080 } }, livenessProbe: { initialDelaySeconds: 3, periodSeconds: 30, timeoutSeconds: 5, httpGet: { path: /healthz?full=true, port: 8080 } } }] }',
      ) +
      service(
        'server',
        'server',
        '{ name: http, port: 80, targetPort: 8080 }, { name: https, port: 443, targetPort: 8080 }',
      ) +
      deployment('redis', '', '{ containers: [{ name: redis, ports: [{ containerPort: 6379 }] }] }') +
      service('redis', 'redis', '{ name: tcp-redis, port: 6379, targetPort: 6379 }') +
      deployment(
        'dex-server',
        '',
        '{ containers: [{ name: dex, ports: [{ containerPort: 5556 }, { containerPort: 5557 }, { containerPort: 5558 }] }] }',
      ) +
      service(
        'dex-server',
        'dex-server',
        '{ name: http, port: 5556, targetPort: 5556 }, { name: grpc, port: 5557, targetPort: 5557 }, { name: metrics, port: 5558, targetPort: 5558 }',
      ) +
      deployment(
        'applicationset-controller',
        '',
        '{ containers: [{ name: argocd-applicationset-controller, ports: [{ name: webhook, containerPort: 7000 }, { name: metrics, containerPort: 8080 }] }] }',
      ) +
      service(
        'applicationset-controller',
        'applicationset-controller',
        '{ name: webhook, port: 7000, targetPort: webhook }, { name: metrics, port: 8080, targetPort: metrics }',
      ) +
      deployment(
        'notifications-controller',
        'strategy: { type: Recreate }',
        '{ containers: [{ name: argocd-notifications-controller, livenessProbe: { tcpSocket: { port: 9001 } } }] }',
      ) +
      service(
        'notifications-controller-metrics',
        'notifications-controller',
        '{ name: metrics, port: 9001, targetPort: 9001 }',
      ),
  },
  {
    name: 'CoreDNS',
    baseline: [
      { code: 'GR302', object: 'coredns', because: 'no replicas is one, and maxUnavailable 1 takes that one' },
    ],
    manifests:
      deployment(
        'coredns',
        'strategy: { rollingUpdate: { maxUnavailable: 1 } }',
        '{ dnsPolicy: Default, containers: [{ name: coredns, args: [-conf, /etc/coredns/Corefile], ports: [{ name: dns, containerPort: 53, protocol: UDP }, { name: dns-tcp, containerPort: 53 }, { name: metrics, containerPort: 9153 }], livenessProbe: { initialDelaySeconds: 60, failureThreshold: 5, httpGet: { path: /health, port: 8080 } }, readinessProbe: { httpGet: { path: /ready, port: 8181 } } }] }',
      ) +
      service(
        'kube-dns',
        'coredns',
        '{ name: dns, port: 53, protocol: UDP }, { name: dns-tcp, port: 53 }, { name: metrics, port: 9153 }',
      ),
  },
  {
    name: 'metrics-server',
    baseline: [],
    manifests:
      deployment(
        'metrics-server',
        'strategy: { rollingUpdate: { maxUnavailable: 0 } }',
        '{ containers: [{ name: metrics-server, ports: [{ name: https, containerPort: 10250 }], livenessProbe: { failureThreshold: 3, httpGet: { path: /livez, port: https } }, readinessProbe: { initialDelaySeconds: 20, httpGet: { path: /readyz, port: https } } }] }',
      ) + service('metrics-server', 'metrics-server', '{ name: https, port: 443, targetPort: https }'),
  },
  {
    name: 'Vault',
    baseline: [],
    manifests:
      workload(
        'StatefulSet',
        'vault',
        'replicas: 1',
        '{ terminationGracePeriodSeconds: 10, containers: [{ name: vault, command: [/bin/sh, -ec], args: ["cp /tmp/a /tmp/b; /usr/local/bin/docker-entrypoint.sh vault server"], ports: [{ name: http, containerPort: 8200 }, { name: https-internal, containerPort: 8201 }], readinessProbe: { exec: { command: [/bin/sh, -ec, vault status] }, failureThreshold: 2, initialDelaySeconds: 5, periodSeconds: 5 }, lifecycle: { preStop: { exec: { command: [/bin/sh, -c, "sleep 5 && kill -SIGTERM $(pidof vault)"] } } } }] }',
      ) +
      service(
        'vault',
        'vault',
        '{ name: http, port: 8200, targetPort: 8200 }, { name: https-internal, port: 8201, targetPort: 8201 }',
        ', publishNotReadyAddresses: true',
      ) +
      service(
        'vault-internal',
        'vault',
        '{ name: http, port: 8200, targetPort: 8200 }',
        ', clusterIP: None, publishNotReadyAddresses: true',
      ),
  },
  {
    name: 'Flux source-controller',
    baseline: [
      { code: 'GR301', object: 'source-controller', because: 'Recreate: artifacts cannot be fetched during a rollout' },
    ],
    manifests:
      deployment(
        'source-controller',
        'replicas: 1\n  strategy: { type: Recreate }',
        '{ terminationGracePeriodSeconds: 10, containers: [{ name: manager, ports: [{ name: http, containerPort: 9090 }, { name: http-prom, containerPort: 8080 }, { name: healthz, containerPort: 9440 }], livenessProbe: { httpGet: { port: healthz, path: /healthz } }, readinessProbe: { httpGet: { port: http, path: / } } }] }',
      ) + service('source-controller', 'source-controller', '{ name: http, port: 80, targetPort: http }'),
  },
  {
    name: 'Contour with Envoy',
    baseline: [],
    manifests:
      workload(
        'DaemonSet',
        'envoy',
        'updateStrategy: { rollingUpdate: { maxUnavailable: 10% } }',
        '{ terminationGracePeriodSeconds: 300, containers: [{ name: shutdown-manager, image: "ghcr.io/projectcontour/contour:v1.33.0", command: [/bin/contour], lifecycle: { preStop: { exec: { command: [/bin/contour, envoy, shutdown] } } } }, { name: envoy, image: "docker.io/envoyproxy/envoy:distroless-v1.35.2", command: [envoy], ports: [{ name: http, containerPort: 8080, hostPort: 80 }, { name: https, containerPort: 8443, hostPort: 443 }, { name: metrics, containerPort: 8002 }], readinessProbe: { httpGet: { path: /ready, port: 8002 } }, lifecycle: { preStop: { httpGet: { path: /shutdown, port: 8090, scheme: HTTP } } } }] }',
      ) +
      service(
        'envoy',
        'envoy',
        '{ name: http, port: 80, targetPort: 8080 }, { name: https, port: 443, targetPort: 8443 }',
        ', type: LoadBalancer',
      ),
  },
  {
    name: 'Cassandra, of the Kubernetes examples',
    baseline: [],
    manifests:
      workload(
        'StatefulSet',
        'cassandra',
        'replicas: 3',
        '{ terminationGracePeriodSeconds: 500, containers: [{ name: cassandra, ports: [{ name: intra-node, containerPort: 7000 }, { name: cql, containerPort: 9042 }], lifecycle: { preStop: { exec: { command: [/bin/sh, -c, nodetool drain] } } }, readinessProbe: { exec: { command: [/bin/bash, -c, /ready-probe.sh] }, initialDelaySeconds: 15 } }] }',
      ) + service('cassandra', 'cassandra', '{ port: 9042 }', ', clusterIP: None'),
  },
  {
    name: 'the guestbook and nginx of the tutorials',
    baseline: [
      { code: 'GR101', object: 'frontend', because: 'no probe: requests come before the server listens' },
      { code: 'GR101', object: 'nginx', because: 'no probe: requests come before the server listens' },
      { code: 'GR206', object: 'nginx', because: 'it stops listening before the proxies know' },
    ],
    manifests:
      deployment(
        'frontend',
        'replicas: 3',
        '{ containers: [{ name: php-redis, image: "gb-frontend:v5", ports: [{ containerPort: 80 }] }] }',
      ) +
      service('frontend', 'frontend', '{ port: 80 }', ', type: LoadBalancer') +
      deployment(
        'nginx',
        'replicas: 3',
        '{ containers: [{ name: nginx, image: "nginx:1.14.2", ports: [{ containerPort: 80 }] }] }',
      ) +
      service('nginx', 'nginx', '{ port: 80 }'),
  },
];
