import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { outputOf } from '../cluster/command.ts';
import { cacheFolder } from '../cluster/folders.ts';
import { findProgram } from '../cluster/prerequisites.ts';
import { buildah } from './buildah.ts';

/** What the Dockerfile's first stage runs on: a libc for Node, a shell for npm's scripts. */
const packages = ['libc6', 'libstdc++6', 'dash', 'coreutils'];

const dockerfile = `FROM scratch
ADD root.tar /
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
RUN ["/bin/ln", "-s", "../lib/node_modules/npm/bin/npm-cli.js", "/usr/local/bin/npm"]
ENV PATH=/usr/local/bin:/usr/bin:/bin
`;

/**
 * Makes, where no registry can be asked, what `node:24-bookworm-slim` is elsewhere: Debian's libc and shell, the Node
 * that runs this, and this machine's npm.
 * @returns its name in buildah's store
 */
export async function builderImage(onProgress: (line: string) => void, signal?: AbortSignal): Promise<string> {
  const npm = npmFolder();
  const { version } = JSON.parse(readFileSync(join(npm, 'package.json'), 'utf8')) as { version: string };
  const suite = debianSuite();
  const name = `localhost/graceful-rollout-builder:${suite}-node${process.versions.node}-npm${version}`;
  const abort = signal === undefined ? {} : { signal };
  const present = await buildah(['images', '--format', '{{.Name}}:{{.Tag}}'], abort);
  if (present.split('\n').includes(name)) return name;

  onProgress(`making the builder image (once; about 20 s): Debian ${suite}, Node ${process.versions.node}`);
  mkdirSync(cacheFolder(), { recursive: true });
  const context = mkdtempSync(join(cacheFolder(), 'builder-'));
  try {
    const include = `--include=${packages.join(',')}`;
    const root = join(context, 'root.tar');
    await outputOf(['mmdebstrap', '--quiet', '--variant=extract', include, suite, root], abort);
    cpSync(realpathSync(process.execPath), join(context, 'node'));
    cpSync(npm, join(context, 'npm'), { recursive: true });
    writeFileSync(join(context, 'Dockerfile'), dockerfile);
    await buildah(['build', '--quiet', '--layers=false', '--tag', name, context], abort);
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
  return name;
}

/** The npm that runs this, else the one in the PATH. */
function npmFolder(): string {
  const running = process.env['npm_execpath'];
  const program = running?.endsWith('npm-cli.js') === true ? running : findProgram('npm');
  if (program === undefined) throw new Error('npm is not in the PATH: the image of the operator is built with it');
  return dirname(dirname(realpathSync(program)));
}

/** The release of Debian that this machine runs, since its mirrors are the ones known to work. */
function debianSuite(): string {
  const release = readFileSync('/etc/os-release', 'utf8');
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1];
  return /^ID=debian$/m.test(release) && codename !== undefined ? codename : 'bookworm';
}
