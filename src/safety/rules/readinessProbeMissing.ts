import { WEB_DEPLOYMENT } from '../examples.ts';
import type { RunningContainer } from '../facts.ts';
import { SERVERS } from '../kinds.ts';
import { containerField } from '../paths.ts';
import { defineRule, short } from '../rule.ts';

export const readinessProbeMissing = defineRule(
  {
    code: 'GR101',
    name: 'readiness-probe-missing',
    title: 'The container that serves has no readiness probe',
    level: 'baseline',
    severity: 'error',
    since: 'v1',
    hasFix: false,
    appliesTo: SERVERS,
    why: 'Without a readinessProbe a container counts as ready as soon as its process runs (pkg/kubelet/prober/prober_manager.go), so the Service sends requests to it before it listens, and a rollout goes on to the next pod at once. Measured: 402 of 12,425 requests lost in rolling restarts (3.2 %). The probe must be on the container that owns the port which the Service targets; one on another container of the pod says nothing of it. For ports that only a metrics scraper asks, for headless Services, and where none of several containers declares the port, the finding is strict. So it is for a container with a startupProbe, which is not ready before that has succeeded (UpdatePodStatus in the same file): new pods get nothing too early, but afterwards it is ready for as long as it runs, and nothing takes a pod that hangs or is overloaded out of its Services. A livenessProbe only restarts it.',
    example: `${WEB_DEPLOYMENT}---
apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ port: 80, targetPort: 8080 }]
`,
    fixText:
      'Write a readinessProbe that succeeds once the container can answer what the Service sends. Which path or port tells that, only its author knows, so there is no automatic fix.',
  },
  ({ workload, facts }) => {
    const lacks = ({ container }: RunningContainer) => container.readinessProbe === undefined;
    return (facts.serving ?? []).filter(lacks).map((running) => {
      const { name: container, startupProbe } = running.container;
      const isCertain = startupProbe === undefined && facts.busy?.includes(running) === true;
      const name = short(container);
      return {
        container,
        field: containerField(workload, running, 'readinessProbe'),
        message:
          startupProbe === undefined
            ? `container ${name} serves without a readinessProbe: new pods get requests before they can answer`
            : `container ${name} has no readinessProbe: started once, it gets requests even while it hangs`,
        remedy: `write a readinessProbe for ${name} that succeeds ${startupProbe === undefined ? 'once' : 'as long as'} it can answer`,
        ...(isCertain ? {} : { level: 'strict', severity: 'warning' }),
      };
    });
  },
);
