import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { type ClusterCommand, parseArguments, UsageError, usage } from './cliArguments.ts';
import { PrerequisiteError } from './cluster.ts';
import { type Cluster, clusterList, ensureCluster, findCluster, removeCluster } from './index.ts';

/** Runs one command. @returns the exit code */
async function run(command: ClusterCommand, signal: AbortSignal): Promise<number> {
  switch (command.kind) {
    case 'help':
      console.log(usage);
      return 0;
    case 'up': {
      const cluster = await ensureCluster({ ...command.options, signal });
      console.log(`cluster ${cluster.name} is up: Kubernetes ${cluster.kubernetes}, ${cluster.nodes.length} nodes`);
      console.log(`export KUBECONFIG=${cluster.kubeconfigPath}`);
      return 0;
    }
    case 'down': {
      const names = command.all ? await clusterList() : [command.name];
      for (const name of names) await removeCluster(name, command.provider, signal);
      return 0;
    }
    case 'status':
      return status(command.name, signal);
    case 'kubeconfig':
      console.log((await existing(command.name)).kubeconfigPath);
      return 0;
    case 'tool': {
      const cluster = await existing(command.name);
      const program = await cluster.program(command.tool, signal);
      return inherit([program, ...command.args], cluster.environment);
    }
    case 'load-image': {
      const cluster = await existing(command.name);
      for (const archive of command.archives) {
        console.log((await cluster.loadImage(archive, signal)).join('\n'));
      }
      return 0;
    }
    case 'exec': {
      const cluster = await existing(command.name);
      requireOneOf('place', command.place, ['client', 'control-plane', ...cluster.nodes], cluster);
      return exitCode(cluster.spawnIn(command.place, command.argv, { stdio: 'inherit' }));
    }
    case 'logs': {
      const cluster = await existing(command.name);
      if (command.component === undefined) {
        console.log(cluster.components().join('\n'));
        return 0;
      }
      requireOneOf('component', command.component, cluster.components(), cluster);
      return inherit(cluster.logCommand(command.component), {});
    }
    default: {
      const never: never = command;
      throw new Error(`unknown command ${String(never)}`);
    }
  }
}

/** @throws PrerequisiteError that lists what there is */
function requireOneOf(what: string, name: string, known: readonly string[], cluster: Cluster): void {
  if (known.includes(name)) return;
  throw new PrerequisiteError(`Cluster ${cluster.name} has no ${what} ${name}.`, `It has ${known.join(', ')}.`);
}

async function existing(name: string | undefined): Promise<Cluster> {
  const cluster = await findCluster(name);
  if (cluster !== undefined) return cluster;
  const names = await clusterList();
  throw new PrerequisiteError(
    `Cluster ${name ?? 'graceful-rollout'} is not up${names.length === 0 ? '' : ` (there is ${names.join(', ')})`}.`,
    'Bring it up with `npm run cluster -- up`.',
  );
}

async function status(name: string | undefined, signal: AbortSignal): Promise<number> {
  const names = name === undefined ? await clusterList() : [name];
  if (names.length === 0) console.log('no cluster is up');
  let code = 0;
  for (const each of names) {
    const cluster = await findCluster(each);
    const problems = cluster === undefined ? ['was not started to the end'] : await cluster.problems(signal);
    if (problems.length > 0) code = 1;
    console.log(`${each}: ${problems.length === 0 ? 'in order' : problems.join(', ')}`);
    if (cluster === undefined) continue;
    console.log(`  Kubernetes ${cluster.kubernetes}, ${cluster.provider}, kube-proxy ${cluster.proxyMode}`);
    console.log(
      `  nodes ${cluster.nodes.join(' ') || '(none)'}, Services ${cluster.serviceCidr}, pods ${cluster.podCidr}`,
    );
    console.log(`  clients ${cluster.clientSources.join(' ') || '(none)'}`);
    console.log(`  kubeconfig ${cluster.kubeconfigPath}`);
  }
  return code;
}

function inherit(argv: readonly string[], environment: Readonly<Record<string, string>>): Promise<number> {
  const [program, ...args] = argv;
  return exitCode(spawn(program as string, args, { stdio: 'inherit', env: { ...process.env, ...environment } }));
}

function exitCode(child: ReturnType<typeof spawn>): Promise<number> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signalName) => resolve(code ?? 128 + (signalName ? constants.signals[signalName] : 0)));
  });
}

const interrupted = new AbortController();
let command: ClusterCommand;
try {
  command = parseArguments(process.argv.slice(2));
  // kubectl and the like get Ctrl-C themselves; all else ends in order, and takes down what it has begun.
  const passOn = command.kind === 'tool' || command.kind === 'exec';
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (!passOn) interrupted.abort(new Error(`interrupted by ${name}`));
    });
  }
  process.exitCode = await run(command, interrupted.signal);
} catch (error) {
  if (interrupted.signal.aborted) {
    console.error('interrupted');
    process.exitCode = 130;
  } else if (error instanceof UsageError || error instanceof PrerequisiteError) {
    console.error(error.message);
    process.exitCode = 2;
  } else {
    console.error(error);
    process.exitCode = 1;
  }
}
