import { isDeepStrictEqual } from 'node:util';
import type { Counter } from 'prom-client';
import type { Deployment } from '../api/kubernetes.ts';
import type { Logger } from '../runtime/index.ts';
import { type Context, contextReaders, type Finding, type JudgeOptions, judge, workloadOf } from '../safety/index.ts';
import { type AdmissionRequest, type AdmissionResponse, allow, deny } from './admissionReview.ts';
import { findingsOfService } from './warningsOfService.ts';
import { type AdmissionPolicy, type ModePolicy, type PolicyDefaults, policyOf } from './warningsPolicy.ts';
import { auditOf, linesOf, WARNING_LINES_MAX } from './warningsText.ts';

/** What the handler knows of the cluster; answered from caches, never by a call to the API server. */
export interface WarningsView {
  /** False until the first complete lists are there: until then every write is admitted without a word. */
  synced(): boolean;
  /**
   * What is known of a namespace: Services, budgets, autoscalers, GracefulRollouts, volume claims, workloads. Asked once per
   * write that is judged, so it should not be built anew each time.
   */
  contextOf(namespace: string): Context;
  /** As it is stored, whole. */
  deployment(namespace: string, name: string): Deployment | undefined;
  /** Undefined for a namespace that is not in the cache (yet): the defaults hold. */
  namespaceLabels(namespace: string): Readonly<Record<string, string>> | undefined;
}

export interface WarningsWebhookOptions {
  readonly view: WarningsView;
  readonly defaults: PolicyDefaults;
  /** Users who are neither warned nor denied: the operator itself, whose touch must not be refused. */
  readonly exemptUsers: readonly string[];
  readonly nowMs: () => number;
  readonly decisions: Counter<'webhook' | 'decision'>;
  readonly log: Logger;
}

const webhook = 'warn-workloads';

/** Where the workloads are served, as `<group>/<plural>`. Jobs and Pods are no rollouts. */
const RESOURCES: ReadonlySet<string> = new Set([
  'apps/deployments',
  'apps/statefulsets',
  'apps/daemonsets',
  'apps/replicasets',
  'argoproj.io/rollouts',
]);

/** Never refused, and judged by what changes with it for the Deployments that it selects. */
const SERVICES = '/services';

/** What is said of waivers (src/safety/rules/waiver*.ts). */
const WAIVER_CODES: readonly string[] = ['GR901', 'GR902'];

/** Members of a spec that change without a new template: scaling and holding are not judged as a new version is. */
const NOT_ENFORCED = ['replicas', 'paused'] as const;

/**
 * `/warn-workloads`, validating: tells the author what of the workload will lose requests, at the levels of the
 * namespace's labels, and denies where `enforce` says so. The mutating webhook was there before, so what it judges is the
 * completed object. Of a Service it tells what is wrong with the Deployments behind it. Reads caches only, changes nothing anywhere, and admits whatever it cannot judge.
 */
export function warningsWebhook(options: WarningsWebhookOptions) {
  const { decisions, log } = options;
  return (request: AdmissionRequest): AdmissionResponse => {
    const answered = (decision: string, response: AdmissionResponse): AdmissionResponse => {
      decisions.inc({ webhook, decision });
      return response;
    };
    try {
      const subject = subjectOf(request, options);
      if (typeof subject === 'string') return answered(subject, allow(request));
      const verdict = verdictOf(subject, options);
      return answered(verdict.decision, verdict.answer(request));
    } catch (error) {
      // A slip in a rule must not cost anybody a write.
      log.error('a workload could not be judged and is admitted', {
        namespace: request.namespace,
        name: request.name,
        resource: request.resource.resource,
        err: error,
      });
      return answered('Failed', allow(request));
    }
  };
}

interface Subject {
  readonly findings: (context: Context, options: JudgeOptions) => readonly Finding[];
  readonly namespace: string;
  /** `namespace/name`. */
  readonly object: string;
  /** Whether more changed than the members that are never refused. */
  readonly enforceable: boolean;
}

/** What is to be judged, or why nothing is. */
function subjectOf(request: AdmissionRequest, { view, exemptUsers }: WarningsWebhookOptions): Subject | string {
  const { operation, object, oldObject } = request;
  if (operation !== 'CREATE' && operation !== 'UPDATE') return 'NotAWorkload';
  const resource = `${request.resource.group}/${request.resource.resource}`;
  if ((request.subResource ?? '') !== '' || !(RESOURCES.has(resource) || resource === SERVICES)) return 'NotAWorkload';
  const { username } = request.userInfo;
  if (username !== undefined && exemptUsers.includes(username)) return 'Exempt';
  if (!view.synced()) return 'NotSynced';
  const spec = object?.['spec'];
  const oldSpec = oldObject?.['spec'];
  const isUpdate = operation === 'UPDATE';
  if (isUpdate && isDeepStrictEqual(spec, oldSpec)) return 'Unchanged';
  if (isTerminating(object)) return 'Terminating';
  if (resource === SERVICES) return serviceSubjectOf(request, view);
  const workload = workloadOf(object);
  if (workload === undefined) return 'Unreadable';
  if (workload.controlledBy !== undefined) return 'Owned';
  const namespace = request.namespace ?? workload.namespace ?? '';
  return {
    findings: (context, judging) => judge({ ...workload, namespace }, context, judging),
    namespace,
    object: `${namespace}/${workload.name}`,
    enforceable: !isUpdate || !isDeepStrictEqual(withoutScale(spec), withoutScale(oldSpec)),
  };
}

function serviceSubjectOf({ namespace = '', object, oldObject }: AdmissionRequest, view: WarningsView) {
  const after = contextReaders.service(object);
  if (after === undefined) return 'Unreadable';
  const before = contextReaders.service(oldObject);
  const deploymentOf = (name: string): Deployment | undefined => view.deployment(namespace, name);
  return {
    findings: (context: Context, judging: JudgeOptions) =>
      findingsOfService({ after, ...(before === undefined ? {} : { before }) }, context, deploymentOf, judging),
    namespace,
    object: `${namespace}/${after.metadata.name ?? ''}`,
    enforceable: false,
  };
}

interface Verdict {
  readonly decision: string;
  readonly answer: (request: AdmissionRequest) => AdmissionResponse;
}

function verdictOf(subject: Subject, options: WarningsWebhookOptions): Verdict {
  const { view, defaults } = options;
  const labels = view.namespaceLabels(subject.namespace) ?? {};
  const { policy, problems } = policyOf(labels, defaults);
  const findingsOf = judgeOnce(subject, policy, options);
  const warned = findingsOf(policy.warn);
  const audited = findingsOf(policy.audit);
  const denied = subject.enforceable ? findingsOf(policy.enforce).filter(isDenied) : [];

  const audit = auditOf(audited);
  const extras = { ...(audit === '' ? {} : { auditAnnotations: { findings: audit } }) };
  const slips = policy.warn === undefined ? [] : problems.map((problem) => `${subject.object}: ${problem}`);
  const { object } = subject;
  const warnings = (findings: readonly Finding[], used: number): readonly string[] => {
    const room = Math.max(1, WARNING_LINES_MAX - used - slips.length);
    return [...linesOf(findings, { object, level: policy.warn?.level ?? 'baseline', room }), ...slips];
  };
  if (denied.length === 0) {
    const decision = warned.length > 0 ? 'Warned' : 'Clean';
    return { decision, answer: (request) => allow(request, { ...extras, warnings: warnings(warned, 0) }) };
  }
  const level = policy.enforce?.level ?? 'baseline';
  const refused = linesOf(denied, { object, level });
  const told = new Set(denied.map(({ code }) => code));
  const rest = warned.filter(({ code }) => !told.has(code));
  return {
    decision: 'Denied',
    answer: (request) =>
      deny(
        request,
        {
          code: 403,
          reason: 'Forbidden',
          message: [
            `graceful-rollout.io/enforce=${level} of namespace ${subject.namespace} refuses this:`,
            ...refused,
          ].join('\n'),
        },
        { ...extras, warnings: warnings(rest, refused.length) },
      ),
  };
}

/** Remarks are for reading; nobody is kept from their work by one, nor by the day on which a waiver ends. */
function isDenied({ severity, code }: Finding): boolean {
  return severity !== 'info' && !WAIVER_CODES.includes(code);
}

/** Judges once per level and rule set, however many modes ask. */
function judgeOnce(subject: Subject, policy: AdmissionPolicy, { view, nowMs }: WarningsWebhookOptions) {
  const judged = new Map<string, readonly Finding[]>();
  const isNeeded = policy.warn ?? policy.audit ?? policy.enforce;
  const context: Context = isNeeded === undefined ? {} : view.contextOf(subject.namespace);
  return (mode: ModePolicy | undefined): readonly Finding[] => {
    if (mode === undefined) return [];
    const key = `${mode.level} ${mode.ruleSet}`;
    const known = judged.get(key);
    if (known !== undefined) return known;
    const findings = subject.findings(context, { ...mode, nowMs: nowMs() });
    judged.set(key, findings);
    return findings;
  };
}

function isTerminating(object: AdmissionRequest['object']): boolean {
  const metadata: unknown = object?.['metadata'];
  return typeof metadata === 'object' && metadata !== null && 'deletionTimestamp' in metadata;
}

function withoutScale(spec: unknown): unknown {
  if (typeof spec !== 'object' || spec === null) return spec;
  const members = Object.entries(spec).filter(([key]) => !NOT_ENFORCED.some((name) => name === key));
  return Object.fromEntries(members);
}
