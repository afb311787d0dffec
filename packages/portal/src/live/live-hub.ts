import { onSession, sessionState } from '#src/session/session.ts'
import { type LiveMessage, readStream, retryMs } from './live-stream.ts'

/** `polling`: the service has no stream, so what is shown is read again from time to time. */
export type LiveState = 'live' | 'reconnecting' | 'paused' | 'polling'

/** Said among the tabs of one browser. */
type Word = { message: LiveMessage } | { state: Exclude<LiveState, 'paused'> } | { hello: true }

const POLL_MS = 10_000
/** A tab that nobody sees for so long takes no part. */
const HIDDEN_MS_MAX = 60_000
const RESYNC: LiveMessage = { type: 'resync', data: null, id: null }

/**
 * The live changes of an account, read once for all tabs of this browser: the tab that holds the lock reads the stream and tells the
 * others, for HTTP/1.1 gives a browser six connections in all. When that tab closes, or is hidden for a minute, another goes on
 * from the last message.
 */
export class LiveHub {
  readonly #account: string
  readonly #listeners = new Set<(message: LiveMessage) => void>()
  readonly #watchers = new Set<() => void>()
  #channel: BroadcastChannel | null = null
  #running: AbortController | null = null
  #hiddenTimer: ReturnType<typeof setTimeout> | undefined
  #forgetSession = () => {}
  #state: Exclude<LiveState, 'paused'> = 'reconnecting'
  #isPaused = false
  #isLeader = false
  #lastId: string | null = null

  constructor(account: string) {
    this.#account = account
  }

  get state(): LiveState {
    return this.#isPaused ? 'paused' : this.#state
  }

  /** Runs as long as somebody listens. */
  listen(listener: (message: LiveMessage) => void): () => void {
    this.#listeners.add(listener)
    if (this.#listeners.size === 1) this.#open()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#close()
    }
  }

  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Of this tab alone. What was missed is read anew. */
  togglePause(): void {
    this.#isPaused = !this.#isPaused
    this.#changed()
    if (!this.#isPaused) this.#deliver(RESYNC)
  }

  #open(): void {
    document.addEventListener('visibilitychange', this.#onVisibility)
    this.#forgetSession = onSession(() => {
      if (sessionState().kind === 'open' && document.visibilityState === 'visible' && !this.#running) this.#start()
    })
    this.#start()
  }

  #close(): void {
    document.removeEventListener('visibilitychange', this.#onVisibility)
    this.#forgetSession()
    clearTimeout(this.#hiddenTimer)
    this.#stop()
  }

  readonly #onVisibility = (): void => {
    clearTimeout(this.#hiddenTimer)
    if (document.visibilityState === 'hidden') {
      this.#hiddenTimer = setTimeout(() => this.#stop(), HIDDEN_MS_MAX)
    } else if (!this.#running) {
      this.#start()
      this.#deliver(RESYNC)
    }
  }

  #start(): void {
    const running = new AbortController()
    this.#running = running
    this.#channel = new BroadcastChannel(`psapi-live ${this.#account}`)
    this.#channel.onmessage = ({ data }: MessageEvent<Word>) => this.#hear(data)
    this.#say({ hello: true })
    navigator.locks
      .request(`psapi-live ${this.#account}`, { signal: running.signal }, async () => await this.#lead(running.signal))
      .catch(async () => {
        // given up before its turn came; or there are no locks, as in a frame of another site: then each reads for itself
        if (!running.signal.aborted) await this.#lead(running.signal)
      })
  }

  #stop(): void {
    this.#running?.abort()
    this.#running = null
    this.#channel?.close()
    this.#channel = null
    this.#isLeader = false
    this.#become('reconnecting')
  }

  async #lead(signal: AbortSignal): Promise<void> {
    this.#isLeader = true
    let failures = 0
    while (!signal.aborted) {
      const end = await readStream(
        this.#account,
        this.#lastId,
        {
          open: () => {
            failures = 0
            this.#become('live')
            // a stream without a position begins now: what came between the reads and this, nobody has told
            if (this.#lastId === null) this.#resync()
          },
          message: (message) => {
            this.#say({ message })
            this.#take(message)
          },
        },
        signal,
      )
      if (signal.aborted) return
      if (end === 'signed_out') return this.#stop() // until somebody signs in again
      if (end === 'not_there') {
        this.#become('polling')
        await pause(POLL_MS, signal)
        this.#resync()
      } else {
        failures += 1
        this.#become('reconnecting')
        await pause(retryMs(failures, Math.random()), signal)
      }
    }
  }

  #hear(word: Word): void {
    if ('hello' in word) {
      if (this.#isLeader) this.#say({ state: this.#state })
    } else if ('state' in word) this.#become(word.state)
    else this.#take(word.message)
  }

  #take(message: LiveMessage): void {
    if (message.id !== null) this.#lastId = message.id
    this.#deliver(message)
  }

  /** What all tabs show is read anew. */
  #resync(): void {
    this.#say({ message: RESYNC })
    this.#deliver(RESYNC)
  }

  #deliver(message: LiveMessage): void {
    if (this.#isPaused) return
    for (const listener of this.#listeners) listener(message)
  }

  #say(word: Word): void {
    this.#channel?.postMessage(word)
  }

  #become(state: Exclude<LiveState, 'paused'>): void {
    if (this.#state === state) return
    this.#state = state
    if (this.#isLeader) this.#say({ state })
    this.#changed()
  }

  #changed(): void {
    for (const watcher of this.#watchers) watcher()
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}
