import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

const MARK = 'end of line'
const END_MS_MAX = 20_000
const LOOK_MS = 50
const PROMPT = new RegExp(`^${MARK} (\\d+)$`, 'm')

/** A terminal of somebody who follows the page: a shell that lines are typed into, and all that it shows. */
export class Shell {
  readonly #child: ChildProcess
  #shown = ''
  #grown = Promise.withResolvers<void>()

  constructor(cwd: string, env: NodeJS.ProcessEnv) {
    // a group of its own, so that what it leaves running ends with it
    this.#child = spawn('bash', [], { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#grow(text))
    }
    this.#child.on('exit', () => this.#grow(''))
  }

  get shown(): string {
    return this.#shown
  }

  /** Resolves when something more is shown, or the signal says that it is too late. */
  async grown(late: AbortSignal): Promise<void> {
    const isLate = new Promise<void>((resolve) => {
      if (late.aborted) resolve()
      else late.addEventListener('abort', () => resolve(), { once: true })
    })
    await Promise.race([this.#grown.promise, isLate])
  }

  type(line: string): void {
    this.#child.stdin?.write(`${line}\n`)
  }

  /** Types a line, and waits until the shell asks for the next. @throws an error: the line fails, or takes longer than `msMax` */
  async run(line: string, msMax: number): Promise<void> {
    const from = this.#shown.length
    const late = AbortSignal.timeout(msMax)
    // with an input of its own: what it does not read of the shell's is the next line
    this.type(`{ ${line}\n} </dev/null`)
    this.type(`printf '\\n${MARK} %s\\n' $?`)
    for (;;) {
      const grown = this.grown(late)
      const shown = this.#shown.slice(from)
      const [, status] = PROMPT.exec(shown) ?? []
      if (status === '0') return
      if (status !== undefined || late.aborted || this.#child.exitCode !== null)
        throw new Error(`${line}: ${status ?? 'does not end'}\n${shown}`)
      await grown
    }
  }

  /** Ends it with all that it has started, and waits until nothing of that runs any more. */
  async close(): Promise<void> {
    const { pid } = this.#child
    if (pid === undefined) return
    const killAt = performance.now() + END_MS_MAX
    for (let signal: NodeJS.Signals | 0 = 'SIGTERM'; sendToGroup(pid, signal); signal = 0) {
      if (performance.now() > killAt) sendToGroup(pid, 'SIGKILL')
      await sleep(LOOK_MS)
    }
  }

  #grow(text: string): void {
    this.#shown += text
    const { resolve } = this.#grown
    this.#grown = Promise.withResolvers<void>()
    resolve()
  }
}

/** @returns false when nobody is there any more */
function sendToGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal)
  } catch {
    return false
  }
}
