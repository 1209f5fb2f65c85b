import { expect, test } from 'vitest';
import { cgroupHierarchies } from './cgroups.ts';

test('v1 hierarchies, without the empty v2 one beside them', () => {
  const mounts = `tmpfs /sys/fs/cgroup tmpfs rw,mode=755 0 0
cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0
cgroup /sys/fs/cgroup/cpuset cgroup rw,relatime,cpuset 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
`;
  expect(cgroupHierarchies(mounts)).toEqual([
    {
      mount: '/sys/fs/cgroup/cpu,cpuacct',
      version: 1,
      controllers: expect.arrayContaining(['cpu', 'cpuacct']) as string[],
    },
    { mount: '/sys/fs/cgroup/cpuset', version: 1, controllers: expect.arrayContaining(['cpuset']) as string[] },
  ]);
});

test('v2 where it is the only one', () => {
  const mounts = 'proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n';
  expect(cgroupHierarchies(mounts)).toEqual([{ mount: '/sys/fs/cgroup', version: 2, controllers: [] }]);
});
