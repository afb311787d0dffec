import { renameSync, writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { isJson, type Json } from '../api.ts'
import { EXIT, Failure, usageFailure } from '../failure.ts'
import { follow, type StreamMessage } from '../follow.ts'
import { examples, reading } from '../frame.ts'
import { openInBrowser } from '../open-in-browser.ts'
import type { Session } from '../session.ts'
import { note, type Terminal } from '../terminal.ts'
import { type Answered, type Arrived, forward, parseTarget } from './forward.ts'
import { watchKeys } from './keys.ts'
import { beginSession, type Own } from './listening.ts'

type ListenFlags = {
  forwardTo?: string
  events?: string
  endpoint?: string
  latest: string
  readyFile?: string
  exitAfter?: string
  printSecret?: true
  allowExternal?: true
}

/** Ids that are known again when they come a second time. */
const REMEMBERED_MAX = 10_000
/** Reports of answers that wait for the service; more are left out. */
const REPORTS_MAX = 1_000
const LAST_REPORTS_MS = 2_000

export function addListen(program: Command, terminal: Terminal): void {
  program
    .command('listen')
    .description("the account's real events, as they are accepted, to a program on this machine")
    .option('--forward-to <url>', 'where to; without it events are only shown')
    .option('--events <types>', 'comma-separated event types and groups')
    .option('--endpoint <endpoint>', 'what this endpoint gets')
    .option('--latest <number>', 'begin with so many from before', '0')
    .option('--ready-file <path>', 'written when the stream is live')
    .option('--exit-after <number>', 'end after so many events')
    .option('--print-secret', 'print the signing secret of this device and profile, and end')
    .option('--allow-external', 'forward also to another machine')
    .addHelpText(
      'after',
      examples(
        'listen --forward-to http://localhost:3000/webhooks/psapi',
        'listen --forward-to http://localhost:3000/ --events producersync --latest 5 --json',
      ),
    )
    .action(reading(terminal, async (session, flags: ListenFlags) => await listen(session, flags)))
}

async function listen(session: Session, flags: ListenFlags): Promise<void> {
  const { terminal } = session
  const { forward_to: usual, events: usualEvents } = session.settings.project ?? {}
  const forwardTo = flags.forwardTo ?? usual
  const target = forwardTo === undefined ? null : await parseTarget(forwardTo, flags.allowExternal === true)
  const wish = {
    eventTypes: (flags.events ?? usualEvents)?.split(',').map((type) => type.trim()),
    endpointId: flags.endpoint,
    latest: numberOf('--latest', flags.latest, 0),
    forwardTo: target?.href,
  }
  const exitAfter =
    flags.exitAfter === undefined ? Number.POSITIVE_INFINITY : numberOf('--exit-after', flags.exitAfter, 1)
  const begin = () => beginSession(session, wish)
  const listener = new Listener(session, { own: await begin(), begin, target, exitAfter, flags })
  if (flags.printSecret) {
    terminal.stdout.write(`${listener.secret}\n`)
    return await listener.close()
  }
  await listener.run()
}

type Parts = {
  own: Own
  /** Makes another session, when this one is not there any more. */
  begin: () => Promise<Own>
  target: URL | null
  exitAfter: number
  flags: ListenFlags
}

/** One session: what comes from the stream goes to the target, one after the other. */
class Listener {
  readonly #session: Session
  readonly #parts: Parts
  #own: Own
  readonly #over = new AbortController()
  readonly #known = new Set<string>()
  #work: Promise<void> = Promise.resolve()
  #reports: Promise<void> = Promise.resolve()
  #reportsWaiting = 0
  #done = 0
  #last: Arrived | undefined
  #isReady = false
  #showsBodies = false
  #resume: (() => void) | undefined
  #paused: Promise<void> | undefined

  constructor(session: Session, parts: Parts) {
    this.#session = session
    this.#parts = parts
    this.#own = parts.own
  }

  get secret(): string {
    return this.#own.secret
  }

  async run(): Promise<void> {
    const { api, terminal, flags } = this.#session
    const environment = (await api.environment()).toUpperCase()
    note(terminal, `connecting; your endpoints in ${environment} keep receiving`)
    terminal.onInterrupt?.(() => this.#over.abort())
    const stopKeys = flags.json ? () => {} : watchKeys(terminal, this.#keys())
    try {
      while (!this.#over.signal.aborted) await this.#follow()
      await this.#work
    } finally {
      stopKeys()
      await this.close()
    }
  }

  /** Listens until it is over, or the session is not there any more, and then there is another one. */
  async #follow(): Promise<void> {
    try {
      await follow(this.#session.api, {
        path: this.#path('/stream'),
        signal: this.#over.signal,
        onMessage: (message) => this.#take(message),
        onLost: (inMs) => this.#say({ event: 'reconnecting', inMs }, `reconnecting in ${(inMs / 1000).toFixed(1)} s`),
      })
    } catch (error) {
      if (!(error instanceof Failure && error.details.exit === EXIT.notFound)) throw error
      this.#own = await this.#parts.begin()
      this.#sayGap()
    }
  }

  /** Tells what is left to tell, and ends the session. */
  async close(): Promise<void> {
    const enough = new Promise<void>((resolve) => void setTimeout(resolve, LAST_REPORTS_MS).unref())
    await Promise.race([this.#reports, enough])
    await this.#quietly('DELETE', this.#path())
  }

  #path(rest = ''): string {
    return this.#session.api.underAccount(`/cli-session/${this.#own.id}${rest}`)
  }

  #take({ event, data }: StreamMessage): void {
    if (event === 'ready') this.#ready()
    if (event === 'gap') this.#sayGap()
    if (event !== 'event' || !isJson(data)) return
    const arrived = toArrived(data)
    if (this.#known.has(arrived.msgId)) return
    this.#known.add(arrived.msgId)
    const [oldest] = this.#known
    if (this.#known.size > REMEMBERED_MAX && oldest !== undefined) this.#known.delete(oldest)
    this.#work = this.#work.then(() => this.#handle(arrived))
  }

  #ready(): void {
    const { id, secret } = this.#own
    const { flags } = this.#parts
    const { api } = this.#session
    this.#say({ event: 'ready', session: id, secret, account: api.account }, 'ready')
    if (this.#isReady) return
    this.#isReady = true
    if (flags.readyFile !== undefined) {
      const beside = `${flags.readyFile}.${process.pid}`
      writeFileSync(beside, `${JSON.stringify({ session: id })}\n`)
      renameSync(beside, flags.readyFile)
    }
  }

  #sayGap(): void {
    this.#say({ event: 'gap', reason: 'gap_too_old' }, 'some events were not kept for so long and are not shown')
  }

  async #handle(arrived: Arrived): Promise<void> {
    await this.#paused
    if (this.#over.signal.aborted) return
    await this.#pass(arrived, false)
    this.#done += 1
    if (this.#done >= this.#parts.exitAfter) this.#over.abort()
  }

  async #pass(arrived: Arrived, again: boolean): Promise<void> {
    const { target } = this.#parts
    const { msgId, eventType, timestamp } = arrived
    this.#last = arrived
    this.#say({ event: 'received', msgId, eventType, timestamp }, lineOf(arrived))
    if (this.#showsBodies) note(this.#session.terminal, Buffer.from(arrived.body).toString())
    if (target === null) return
    const answered = await forward(target, arrived, { secret: this.secret, again })
    const { responseStatusCode, durationMs, failureClass } = answered
    const result = { responseStatusCode, durationMs, failureClass }
    this.#say({ event: 'answered', msgId, ...result }, answerLine(answered))
    this.#report({ eventId: msgId, ...result })
  }

  #report(result: Json): void {
    if (this.#reportsWaiting >= REPORTS_MAX) return
    this.#reportsWaiting += 1
    this.#reports = this.#reports.then(async () => {
      await this.#quietly('POST', this.#path('/result'), result)
      this.#reportsWaiting -= 1
    })
  }

  /** What only others look at: without an answer it goes on. */
  async #quietly(method: string, path: string, body?: Json): Promise<void> {
    try {
      await this.#session.api.call(method, path, body ? { body } : {})
    } catch (error) {
      if (!(error instanceof Failure)) throw error
    }
  }

  /** A line of JSON, or one for people. */
  #say(line: Json, words: string): void {
    const { flags, terminal } = this.#session
    if (flags.json) terminal.stdout.write(`${JSON.stringify(line)}\n`)
    else if (line.event === 'received' || line.event === 'answered') terminal.stdout.write(`${words}\n`)
    else note(terminal, words)
  }

  #keys(): Record<string, () => void> {
    const { terminal, api } = this.#session
    return {
      r: () => {
        const last = this.#last
        if (last) this.#work = this.#work.then(() => this.#pass(last, true))
      },
      d: () => {
        this.#showsBodies = !this.#showsBodies
        if (this.#showsBodies && this.#last) note(terminal, Buffer.from(this.#last.body).toString())
      },
      o: () => openInBrowser(terminal, `${api.url}/portal/o/${this.#last?.msgId ?? this.#own.id}`),
      p: () => this.#togglePause(),
      q: () => this.#over.abort(),
    }
  }

  #togglePause(): void {
    if (this.#resume) {
      this.#resume()
      this.#resume = undefined
      this.#paused = undefined
      note(this.#session.terminal, 'going on')
      return
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#paused = promise
    this.#resume = resolve
    note(this.#session.terminal, 'paused')
  }
}

function toArrived({ msgId, eventType, timestamp, body, headers }: Json): Arrived {
  if (typeof msgId !== 'string' || typeof body !== 'string' || !isJson(headers)) {
    throw new Failure('The stream is not as expected.', { exit: EXIT.unavailable, code: 'unexpected_answer' })
  }
  return {
    msgId,
    eventType: String(eventType),
    timestamp: String(timestamp),
    body: Buffer.from(body, 'base64'),
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
  }
}

/** `14:02:10Z → producersync.npn.activated evt_3AZo… npn 15645555` */
function lineOf({ msgId, eventType, timestamp, body }: Arrived): string {
  return `${timestamp.slice(11, 19)}Z → ${eventType} ${msgId.replace('msg_', 'evt_')}${subjectOf(body)}`
}

function subjectOf(body: Uint8Array): string {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(body).toString())
    const data = isJson(parsed) ? parsed.data : undefined
    return isJson(data) && typeof data.npn === 'string' ? ` npn ${data.npn}` : ''
  } catch {
    return ''
  }
}

function answerLine({ responseStatusCode: status, durationMs, failureClass, advice }: Answered): string {
  const took = `in ${durationMs} ms`
  if (failureClass === null) return `← ${status} ${took}`
  return `← ${status === 0 ? failureClass : `${status} ${failureClass}`} ${took}. ${advice ?? ''}`.trimEnd()
}

function numberOf(flag: string, text: string, least: number): number {
  const number = Number(text)
  if (Number.isInteger(number) && number >= least) return number
  throw usageFailure(`${flag} takes a whole number, ${least} or more.`)
}
