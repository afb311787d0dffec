import { type ChildProcess, fork } from 'node:child_process'
import { on } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Ledger, Mood, News, Order } from './ledger.ts'

const PROGRAM = fileURLToPath(new URL('./receiver.ts', import.meta.url))

type Told = {
  progress: (requests: number, delivered: number) => void
  /** Nothing can come of it any more: a webhook did not verify, or the process has ended. */
  failed: (why: string) => void
}

/** The demo's side of its receiver. Waits end with the signal's abort, as an AbortError. */
export class ReceiverProcess {
  /** `127.0.0.1:port`, as `LOOPBACK_RECEIVERS` names it. */
  readonly address: string
  readonly #child: ChildProcess
  readonly #signal: AbortSignal

  private constructor(child: ChildProcess, port: number, signal: AbortSignal) {
    this.#child = child
    this.#signal = signal
    this.address = `127.0.0.1:${port}`
  }

  static async start(secret: string, told: Told, signal: AbortSignal): Promise<ReceiverProcess> {
    const child = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    child.on('message', (message) => {
      const news = message as News // from our own program
      if (news.kind === 'progress') told.progress(news.requests, news.delivered)
      if (news.kind === 'unverified') told.failed(`The receiver could not verify a webhook: ${news.why}`)
    })
    child.once('exit', () => told.failed('The receiver has ended by itself.'))
    try {
      const { port } = await heard(child, 'listening', signal)
      const receiver = new ReceiverProcess(child, port, signal)
      receiver.#order({ kind: 'trust', secret })
      return receiver
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
  }

  be(mood: Mood): void {
    this.#order({ kind: 'be', mood })
  }

  /** Resolves when so many distinct deliveries have been answered with 200. */
  async reached(deliveries: number): Promise<void> {
    const reached = heard(this.#child, 'reached', this.#signal, (news) => news.deliveries === deliveries)
    this.#order({ kind: 'watch', deliveries })
    await reached
  }

  async pingTaken(): Promise<void> {
    await heard(this.#child, 'ping_taken', this.#signal)
  }

  /** Call it once the killed process has ended, and start the next one after this. */
  async noteKill(): Promise<void> {
    const noted = heard(this.#child, 'kill_noted', this.#signal)
    this.#order({ kind: 'killed' })
    await noted
  }

  /** Resolves at the first verified delivery that comes on a connection made since the last kill. */
  async deliveringAgain(): Promise<void> {
    await heard(this.#child, 'delivering_again', this.#signal)
  }

  async ledger(signal: AbortSignal = this.#signal): Promise<Ledger> {
    const shown = heard(this.#child, 'ledger', signal)
    this.#order({ kind: 'show_ledger' })
    return (await shown).ledger
  }

  async stop(): Promise<void> {
    this.#child.removeAllListeners('exit')
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
  }

  #order(order: Order): void {
    this.#child.send(order)
  }
}

type NewsOf<Kind extends News['kind']> = Extract<News, { kind: Kind }>

/** Listens from the moment of the call. */
function heard<Kind extends News['kind']>(
  child: ChildProcess,
  kind: Kind,
  signal: AbortSignal,
  wanted: (news: NewsOf<Kind>) => boolean = () => true,
): Promise<NewsOf<Kind>> {
  const messages = on(child, 'message', { signal })
  return (async () => {
    for await (const [message] of messages) {
      const news = message as News // from our own program
      if (isOf(news, kind) && wanted(news)) return news
    }
    throw new Error('unreachable: the messages end with an error only')
  })()
}

function isOf<Kind extends News['kind']>(news: News, kind: Kind): news is NewsOf<Kind> {
  return news.kind === kind
}
