import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { commandOf, judgeOutput } from './outputs.ts'

const PACKAGE = fileURLToPath(new URL('..', import.meta.url))
/** In the package, so that it finds its dependencies there. */
const BUILT = join(PACKAGE, '.cache', `psapi-${process.pid}`)

/** Builds the command as it is published; call what is returned when it is not needed any more. */
export function buildPsapi(): () => void {
  execFileSync(process.execPath, [join(PACKAGE, 'build.ts'), BUILT], { stdio: 'ignore' })
  return () => rmSync(BUILT, { recursive: true })
}

export type Ended = { code: number | null; stdout: string; stderr: string }

/** An empty home, and the command as a process in it: without a terminal. */
export class Psapi {
  readonly home = mkdtempSync(join(tmpdir(), 'psapi-'))
  readonly env: Record<string, string>
  readonly program = join(BUILT, 'bin', 'psapi.js')

  constructor(env: Record<string, string> = {}) {
    this.env = env
  }

  start(args: string[], env: Record<string, string> = {}) {
    return spawn(process.execPath, [this.program, ...args], {
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

  /**
   * The command on a terminal of its own, by `script` of util-linux; what it shows is in one piece, as a person sees it.
   * @param type  keys, each once the text before it has been shown
   */
  async onTerminal(
    args: string[],
    {
      type = [],
      env = {},
    }: { type?: readonly (readonly [after: RegExp, keys: string])[]; env?: Record<string, string> } = {},
  ): Promise<{ code: number | null; shown: string }> {
    const command = [process.execPath, this.program, ...args]
      .map((word) => `'${word.replaceAll("'", "'\\''")}'`)
      .join(' ')
    // exec: a shell in between would be interrupted too, and say so
    const child = spawn('script', ['--quiet', '--return', '--command', `exec ${command}`, '/dev/null'], {
      cwd: this.home,
      env: {
        PATH: process.env.PATH,
        TERM: 'xterm',
        XDG_CONFIG_HOME: this.home,
        TZ: 'America/Chicago',
        ...this.env,
        ...env,
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const left = [...type]
    let shown = ''
    let from = 0
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text
      for (let next = left[0]; next?.[0].test(shown.slice(from)); next = left[0]) {
        left.shift()
        from = shown.length
        child.stdin.write(next[1])
      }
    })
    const [code] = await once(child, 'close')
    return { code, shown: shown.replaceAll('\r', '') }
  }

  /** The parsed result of a command that must succeed; it is as the schema of the command's output says. */
  // biome-ignore lint/suspicious/noExplicitAny: the answer of any operation
  async json(...args: string[]): Promise<any> {
    const ended = await this.run([...args, '--json'])
    if (ended.code !== 0) throw new Error(`psapi ${args.join(' ')}: ${ended.code} ${ended.stderr}`)
    return judgeOutput(commandOf(args), JSON.parse(ended.stdout))
  }
}

/** A command without further ones, under all of its words. */
type Leaf = { path: string; command: Command }

export function leavesOf(command: Command, path = ''): Leaf[] {
  if (command.commands.length === 0) return [{ path, command }]
  return command.commands.flatMap((one) => leavesOf(one, `${path} ${one.name()}`.trim()))
}
