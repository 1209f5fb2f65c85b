import { expect, test } from 'vitest';
import { kubernetesGoMod, linkerFlags } from './kubernetesModule.ts';
import { parseKubernetesVersion, testedKubernetes } from './kubernetesVersions.ts';

const upstream = `module k8s.io/kubernetes

go 1.26.0

require (
	k8s.io/api v0.0.0
	k8s.io/klog/v2 v2.140.0
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/kubelet => ./staging/src/k8s.io/kubelet
)

replace k8s.io/metrics => ./staging/src/k8s.io/metrics
replace example.com/fork => example.com/other v1.0.0
`;

test('replaces exactly the staging modules by their published release', () => {
  expect(kubernetesGoMod(parseKubernetesVersion('1.37.2'), upstream)).toMatchInlineSnapshot(`
    "module graceful-rollout.io/test-cluster

    go 1.26.0

    require k8s.io/kubernetes v1.37.2

    replace (
    	k8s.io/api => k8s.io/api v0.37.2
    	k8s.io/kubelet => k8s.io/kubelet v0.37.2
    	k8s.io/metrics => k8s.io/metrics v0.37.2
    )
    "
  `);
});

test('says so when the layout of Kubernetes has changed', () => {
  expect(() => kubernetesGoMod(parseKubernetesVersion('1.37.2'), 'module k8s.io/kubernetes\n')).toThrow('layout');
});

test('a version reads with v, without, or as a minor alone', () => {
  expect(parseKubernetesVersion('v1.36.1')).toEqual({ text: '1.36.1', minor: 36, staging: 'v0.36.1' });
  expect(parseKubernetesVersion('1.37').text).toBe(testedKubernetes[0]);
  for (const text of testedKubernetes) expect(parseKubernetesVersion(text).text).toBe(text);
});

test.each(['', '1.20', '2.0.0', 'latest', '1.37.x', '1.37.2-rc.0'])(
  '"%s" is refused with the known ones named',
  (text) => {
    expect(() => parseKubernetesVersion(text)).toThrow('known to work: 1.37.2, 1.36.3, 1.35.4');
  },
);

test('the programs report the version that they are', () => {
  const flags = linkerFlags(parseKubernetesVersion('1.36.3'));
  expect(flags).toContain('-X k8s.io/component-base/version.gitVersion=v1.36.3');
  expect(flags).toContain('-X k8s.io/client-go/pkg/version.gitMinor=36');
});
