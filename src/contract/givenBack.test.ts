import { describe, expect, it } from 'vitest';
import { givenBack } from './givenBack.ts';
import { withoutOurAnnotations } from './record.ts';
import { started, withGrace } from './testing/admissionScene.ts';
import { WAYS } from './testing/cluster.ts';
import { container, manifest, withImage } from './testing/manifests.ts';

const grace = 'spec.template.spec.terminationGracePeriodSeconds';

describe.each(WAYS)('an author who writes by %s', (way) => {
  it('gives everything back with the first template change after the GracefulRollout is gone, once', () => {
    const cluster = started(manifest(), way);
    const held = cluster.stored;
    cluster.spec = undefined;
    cluster.apply(manifest(), way);
    expect(givenBack(held, cluster.stored), 'no template change').toEqual([]);
    const before = cluster.stored;
    cluster.apply(withImage(manifest(), 'registry.example/app:2'), way);
    const given = givenBack(before, cluster.stored);
    expect(given).toContainEqual({ path: grace, from: '35', to: '30' });
    expect(given.map(({ path }) => path).filter((path) => path.includes('lifecycle'))).toHaveLength(1);
    expect(givenBack(cluster.stored, cluster.stored)).toEqual([]);
  });

  it('who wrote the values of the contract themselves is given nothing back', () => {
    const cluster = started(manifest(), way);
    const before = cluster.stored;
    cluster.apply(withGrace(manifest(), 90), way);
    expect(givenBack(before, cluster.stored)).toEqual([]);
  });
});

describe('a record that is gone without anything being given back', () => {
  const held = () => started(manifest(), 'kubectl apply').stored;

  it('somebody took the annotation off while the webhook was away', () => {
    expect(givenBack(held(), withoutOurAnnotations(held()))).toEqual([]);
  });

  it('the container went with its hook', () => {
    const before = held();
    const { template } = before.spec;
    const spec = { ...template.spec, containers: [container('other')] };
    const after = withoutOurAnnotations({ ...before, spec: { ...before.spec, template: { ...template, spec } } });
    expect(givenBack(before, after)).toEqual([]);
  });
});
