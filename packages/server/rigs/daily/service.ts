import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('./service-main.ts', import.meta.url))
const COMPLAINTS = /"event":"(service\.broken|feed\.step_failed|loads\.storing_failed)"/
const WORDS_KEPT = 20

/** The service, which is killed and started again. */
export class Service {
  readonly #environment: Record<string, string>
  readonly #arguments: readonly string[]
  #child: ChildProcess | null = null
  #peakKb = 0
  readonly #adopt: (processId: number) => void
  readonly complaints: string[] = []
  kills = 0

  /** @param adopt  sees to it that a process ends with the rig, however that ends */
  constructor(environment: Record<string, string>, args: readonly string[], adopt: (processId: number) => void) {
    this.#adopt = adopt
    this.#environment = environment
    this.#arguments = args
  }

  get peakMemoryMb(): number {
    this.#measure()
    return Math.round(this.#peakKb / 1024)
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [MAIN, ...this.#arguments], {
      env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...this.#environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    if (child.pid !== undefined) this.#adopt(child.pid)
    const lastWords: string[] = []
    createInterface({ input: child.stderr }).on('line', (line) => {
      lastWords.push(line)
      if (lastWords.length > WORDS_KEPT) lastWords.shift()
      if (COMPLAINTS.test(line)) this.complaints.push(line)
    })
    const ended = once(child, 'exit').then(() => {
      throw new Error(`the service does not start: ${lastWords.join(' ')}`)
    })
    await Promise.race([once(child.stdout, 'data'), ended])
    ended.catch(() => {})
  }

  /** `kill -9`, and a new start. */
  async crash(): Promise<void> {
    await this.stop('SIGKILL')
    this.kills += 1
    await this.start()
  }

  async stop(signal: 'SIGKILL' | 'SIGTERM' = 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    this.#measure()
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }

  #measure(): void {
    try {
      const status = readFileSync(`/proc/${this.#child?.pid}/status`, 'utf8')
      this.#peakKb = Math.max(this.#peakKb, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0))
    } catch {
      // it has ended
    }
  }
}
