import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** Makes a pair of links, which is all that the rig needs to be allowed. */
const TRIAL =
  'ip link set lo up && ip link add trial1 type veth peer name trial2 && ip -6 route add local 3fff::/20 dev lo'

/** The command under which a process gets a network of its own: as root, or as root of a user namespace. */
export function newNetwork(): [command: string, ...args: string[]] {
  return ['unshare', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']), '--net']
}

/** The command under which a process enters the network of another one. */
export function networkOf(processId: number): string[] {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials']
  return ['nsenter', '--target', String(processId), ...user, '--net']
}

/** Why rig R3 cannot run here; null: it can. */
export async function missingForNamespaces(): Promise<string | null> {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux'
  for (const tool of ['ip', 'unshare', 'nsenter']) {
    const found = await run(tool, ['--version'])
      .catch(() => run(tool, ['-V']))
      .catch(() => null)
    if (!found) return `needs ${tool} (of the packages iproute2 and util-linux)`
  }
  const [command, ...args] = newNetwork()
  return await run(command, [...args, 'sh', '-c', TRIAL]).then(
    () => null,
    (error: unknown) =>
      `network namespaces cannot be made here: ${error instanceof Error ? error.message.trim() : 'refused'}`,
  )
}
