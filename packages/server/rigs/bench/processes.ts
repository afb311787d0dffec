import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Answered, Asked, Commands, Told } from './commands.ts'

/** How long a process may take to end before it is killed. */
const END_MS_MAX = 40_000

/** All processes of a run, so that none outlives it. */
export class Processes {
  readonly #all = new Set<ChildProcess>()

  /** Starts a script of this folder that answers commands. @param through  a command that runs what comes after it elsewhere */
  helper<C extends Commands>(script: string, through: readonly [] | readonly [string, ...string[]] = []): Helper<C> {
    const file = fileURLToPath(new URL(script, import.meta.url))
    const [command, ...args] = [...through, process.execPath]
    const child = spawn(command, [...args, file], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.add(child)
    return new Helper(script, child)
  }

  add(child: ChildProcess): void {
    this.#all.add(child)
    child.once('close', () => this.#all.delete(child))
  }

  /** Asks every process to end, and waits. */
  async end(): Promise<void> {
    await Promise.all([...this.#all].map(endProcess))
  }
}

/** Ends a process with SIGTERM, or with SIGKILL when that takes too long. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const { promise, resolve } = Promise.withResolvers<void>()
  child.once('close', () => resolve())
  const late = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX)
  child.kill('SIGTERM')
  await promise
  clearTimeout(late)
}

type Waiting = { resolve: (answer: unknown) => void; reject: (error: Error) => void }

/** A child process that answers commands. */
export class Helper<C extends Commands> {
  readonly #script: string
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0
  /** Called with what the process tells of itself. */
  onProgress: (progress: number) => void = () => {}

  constructor(script: string, child: ChildProcess) {
    this.#script = script
    this.#child = child
    child.on('message', (message) => this.#hear(message as Answered | Told))
    child.on('error', () => {}) // its close follows
    child.once('close', (code, signal) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${script} has ended: ${code ?? signal}`))
      this.#waiting.clear()
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** @throws what the command threw, as text; an error when the process ends */
  async ask<N extends keyof C & string>(name: N, ...given: Parameters<C[N]>): Promise<Awaited<ReturnType<C[N]>>> {
    const [argument]: unknown[] = given
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#asked += 1
    this.#waiting.set(this.#asked, { resolve, reject })
    this.#child.send({ number: this.#asked, name, argument } satisfies Asked)
    return (await promise) as Awaited<ReturnType<C[N]>>
  }

  #hear(message: Answered | Told): void {
    if ('progress' in message) {
      this.onProgress(message.progress)
      return
    }
    const waiting = this.#waiting.get(message.number)
    this.#waiting.delete(message.number)
    if (message.error === undefined) waiting?.resolve(message.answer)
    else waiting?.reject(new Error(`${this.#script}: ${message.error}`))
  }
}
