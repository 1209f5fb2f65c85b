/** The API group of everything this project defines. */
export const GROUP = 'graceful-rollout.io';

/** The served and stored version of {@link KIND}. */
export const VERSION = 'v1alpha1';

/** What an object's `apiVersion` says. */
export const API_VERSION = `${GROUP}/${VERSION}` as const;

export const KIND = 'GracefulRollout';
export const PLURAL = 'gracefulrollouts';
export const SINGULAR = 'gracefulrollout';
export const SHORT_NAME = 'gr';

/**
 * On the Deployment: JSON text of the {@link Change} list, what the webhook changed and from what, written by the
 * webhook in the same write. It is the carrier; the controller copies it into the GracefulRollout's status, because
 * `kubectl rollout undo` and `kubectl replace` drop annotations.
 */
export const CONTRACT_ANNOTATION = `${GROUP}/contract` as const;

/**
 * On the Deployment: the controller's touch. A write whose value begins with {@link ADOPT_REQUEST_PREFIX} is completed by the
 * webhook, which puts the hash of its contract in the prefix's place (docs/decisions/0006).
 */
export const ADOPT_ANNOTATION = `${GROUP}/adopt` as const;

/**
 * Begins the value of {@link ADOPT_ANNOTATION} in the controller's touch; the webhook takes it away. A touch that comes
 * back with it did not pass the webhook, and is never stored: it is tried as a dry run first.
 */
export const ADOPT_REQUEST_PREFIX = 'requested-';

/**
 * `"true"`, set by a person on a Deployment that no GracefulRollout enforces any more: the webhook gives back at once,
 * in that write (a rollout), and removes all annotations of this group.
 */
export const GIVE_BACK_ANNOTATION = `${GROUP}/give-back` as const;

/**
 * On a pod: where its drain stands, as JSON text that carries the operator's signature (design.md §5). Without a valid
 * signature it counts as absent, so that whoever may only patch pods cannot have the operator delete one.
 */
export const DRAIN_ANNOTATION = `${GROUP}/drain` as const;

/** On a pod: when it was touched, so that its PodDisruptionBudgets are counted again. */
export const RECOUNT_ANNOTATION = `${GROUP}/budget-recount` as const;

/** The field manager of what the gate writes: pods, the namespaces of its webhooks, `status.endpointCheck`. */
export const GATE_FIELD_MANAGER = 'graceful-rollout-gate';

/**
 * Seconds in the grace period beyond preStop and drain: the kubelet takes whole seconds for the hook off the grace
 * period and the runtime needs time to deliver signals (pkg/kubelet/kuberuntime/kuberuntime_container.go).
 */
export const GRACE_MARGIN_SECONDS = 5;

/** Lists in the status keep this many entries. */
export const STATUS_LIST_LIMIT = 10;
