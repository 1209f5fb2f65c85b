import { chmodSync, cpSync, lstatSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * Assembles the file system of the runtime image: `node scripts/imageRoot.ts <bundle> <target folder>`.
 *
 * It holds the Node binary that runs this script, the shared libraries that binary has mapped, the bundle and the
 * account it runs as. No shell, no package manager, no certificates of the build machine (Node carries its own roots).
 */
const [bundle, target] = process.argv.slice(2);
if (bundle === undefined || target === undefined) {
  console.error('usage: node scripts/imageRoot.ts <bundle> <target folder>');
  process.exit(2);
}

/** Numeric, since `runAsNonRoot` can only be checked by the kubelet where the image names a number. */
const uid = 65532;

function addFolder(path: string): string {
  const folder = join(target as string, path);
  mkdirSync(folder, { recursive: true });
  return folder;
}

function addFile(path: string, content: string): void {
  writeFileSync(join(addFolder(dirname(path)), basename(path)), content, { mode: 0o644 });
}

/**
 * Copies a library to where it is under a merged /usr, whatever the builder looks like, with the link (`/lib64` to
 * `usr/lib64`) by which the binary names its loader: the same on an empty base and on any current distribution's.
 */
function addLibrary(path: string): void {
  const [, top = ''] = path.split('/');
  const found = realpathSync(dirname(path));
  const folder = addFolder(found.startsWith('/usr/') ? found : join('/usr', found));
  const copy = join(folder, basename(path));
  cpSync(realpathSync(path), copy);
  chmodSync(copy, 0o755);
  const link = join(target as string, top);
  if (top === 'usr' || lstatSync(link, { throwIfNoEntry: false }) !== undefined) return;
  addFolder(join('/usr', top));
  symlinkSync(join('usr', top), link);
}

// What the dynamic linker has mapped into this very process: exact on glibc and musl, on every architecture.
const { sharedObjects } = process.report.getReport() as { sharedObjects: string[] };
const libraries = sharedObjects.filter((path) => path.startsWith('/') && path !== process.execPath);
if (libraries.length === 0) throw new Error('the diagnostic report of Node names no shared library: nothing to copy');
for (const library of libraries) addLibrary(library);

const node = join(addFolder('/usr/bin'), 'node');
cpSync(realpathSync(process.execPath), node);
chmodSync(node, 0o755);

const operator = join(addFolder('/app'), 'operator.mjs');
cpSync(bundle, operator);
chmodSync(operator, 0o644);

addFile('/etc/passwd', `operator:x:${uid}:${uid}:graceful-rollout:/:/sbin/nologin\n`);
addFile('/etc/group', `operator:x:${uid}:\n`);
addFile('/etc/nsswitch.conf', 'hosts: files dns\n');

console.log(`${target}: Node ${process.versions.node}, ${libraries.length} shared libraries: ${libraries.join(' ')}`);
