import { spawn } from 'node:child_process';

/** How a kubectl command ended. */
export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the given kubectl as a person would; `input` goes to its standard input. Never rejects because it exits with an error. */
export async function kubectl(
  program: { readonly kubectl: string; readonly kubeconfig: string },
  args: readonly string[],
  input = '',
): Promise<KubectlResult> {
  const child = spawn(program.kubectl, ['--kubeconfig', program.kubeconfig, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    signal: AbortSignal.timeout(60_000),
  });
  const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)];
  const code = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve(status ?? -1));
  });
  child.stdin.end(input);
  return { code: await code, stdout: await stdout, stderr: await stderr };
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
