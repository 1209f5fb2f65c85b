import { issueAuthority, issueLeaf } from './issue.ts';
import type { CertificatePlan } from './plan.ts';
import type { CertificatePolicy } from './policy.ts';
import { type CertificateState, SECRET_KEYS, type SecretValues } from './state.ts';

/** The Secret's new values by key; undefined removes the key. Keys that are not ours are absent. */
export type SecretChanges = Readonly<Record<(typeof SECRET_KEYS)[keyof typeof SECRET_KEYS], string | undefined>>;

/** Issues what `plan` asks for and returns the Secret's new values. */
export async function carryOut(
  plan: Exclude<CertificatePlan, { kind: 'Keep' }>,
  state: CertificateState,
  now: { readonly nowMs: number; readonly names: readonly string[]; readonly policy: CertificatePolicy },
): Promise<SecretChanges> {
  const { nowMs, names, policy } = now;
  const others = (...ids: readonly (string | undefined)[]): string =>
    plan.trusted
      .filter((authority) => !ids.includes(authority.id))
      .map((authority) => authority.cert)
      .join('');
  const kept = {
    'ca.key': state.current?.key,
    'next-ca.crt': state.next?.cert,
    'next-ca.key': state.next?.key,
    'tls.crt': state.leaf?.cert,
    'tls.key': state.leaf?.key,
  };
  const withoutNext = { 'next-ca.crt': undefined, 'next-ca.key': undefined };
  switch (plan.kind) {
    case 'IssueAuthority': {
      const authority = await issueAuthority(nowMs, policy);
      const leaf = await issueLeaf(authority, names, nowMs, policy);
      return {
        ...withoutNext,
        'ca.crt': authority.cert + others(),
        'ca.key': authority.key,
        'tls.crt': leaf.cert,
        'tls.key': leaf.key,
      };
    }
    case 'AddNextAuthority': {
      const next = await issueAuthority(nowMs, policy);
      return {
        ...kept,
        'ca.crt': others(state.next?.id) + next.cert,
        'next-ca.crt': next.cert,
        'next-ca.key': next.key,
      };
    }
    case 'SwitchAuthority': {
      const { next } = state;
      if (!next) throw new Error('the CA cannot be switched: the Secret has no next CA');
      const leaf = await issueLeaf(next, names, nowMs, policy);
      return {
        ...withoutNext,
        'ca.crt': next.cert + others(next.id),
        'ca.key': next.key,
        'tls.crt': leaf.cert,
        'tls.key': leaf.key,
      };
    }
    case 'RenewLeaf': {
      const { current } = state;
      if (!current) throw new Error('the certificate cannot be renewed: the Secret has no CA key');
      const leaf = await issueLeaf(current, plan.names, nowMs, policy);
      return { ...kept, 'ca.crt': others(), 'tls.crt': leaf.cert, 'tls.key': leaf.key };
    }
    case 'TidyBundle':
      break;
  }
  return { ...kept, 'ca.crt': others() };
}

/** The values after `changes`, foreign keys kept. */
export function applyChanges(values: SecretValues, changes: SecretChanges): Record<string, string> {
  const result: Record<string, string> = { ...values };
  for (const key of Object.values(SECRET_KEYS)) {
    const value = changes[key];
    if (value === undefined) delete result[key];
    else result[key] = value;
  }
  return result;
}
