import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

export type Ended = { code: number | null; stdout: string; stderr: string }

/** An empty home, and the command as a process in it: without a terminal. */
export class Psapi {
  readonly home = mkdtempSync(join(tmpdir(), 'psapi-'))
  readonly env: Record<string, string>

  constructor(env: Record<string, string> = {}) {
    this.env = env
  }

  start(args: string[], env: Record<string, string> = {}) {
    return spawn(process.execPath, [MAIN, ...args], {
      cwd: this.home,
      env: { XDG_CONFIG_HOME: this.home, TZ: 'America/Chicago', ...this.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
  }

  async run(
    args: string[],
    { stdin = '', env = {} }: { stdin?: string | Buffer; env?: Record<string, string> } = {},
  ): Promise<Ended> {
    const child = this.start(args, env)
    child.stdin.on('error', () => {}) // it ended without reading
    child.stdin.end(stdin)
    const code = new Promise<number | null>((resolve) => child.once('close', resolve))
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
    return { code: await code, stdout, stderr }
  }

  /** The parsed result of a command that must succeed. */
  // biome-ignore lint/suspicious/noExplicitAny: the answer of any operation
  async json(...args: string[]): Promise<any> {
    const ended = await this.run([...args, '--json'])
    if (ended.code !== 0) throw new Error(`psapi ${args.join(' ')}: ${ended.code} ${ended.stderr}`)
    return JSON.parse(ended.stdout)
  }
}
