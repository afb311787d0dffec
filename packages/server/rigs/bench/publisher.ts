import { type ApiAnswer, ApiConnection } from './api-connection.ts'
import { Calls, type Publication } from './calls.ts'
import { answer } from './commands.ts'
import { Durations, rounded, type Spread } from './figures.ts'
import { monotonicMs } from './monotonic.ts'
import { ID_BYTES, Notebook } from './notebook.ts'

/**
 * Publishes by the API and notes what was acknowledged. `closed`: as fast as deliveries come out at the other end.
 * `open`: at a rate, whatever becomes of earlier calls; every time counts from the moment a call was due.
 */

const MESSAGE_ID = Buffer.from('"id":"msg_')
const ACCEPTED = 202
/** A call that was refused is not repeated; its connection pauses. */
const REFUSED_PAUSE_MS = 50
/** How long calls may be under way after the last one was due. */
const END_MS_MAX = 15_000

export type Published = {
  calls: number
  accepted: number
  /** Events by the status of their refusal; `0`: no answer. */
  refused: Record<string, number>
  seconds: number
  /** Due → answered, accepted calls only. */
  acceptMs: Spread
  /** Due → written, of calls for which a connection was free. */
  lateMs: Spread
  /** Calls that waited for a connection, at most. */
  waitingMax: number
}

const notebook = new Notebook()
/** Accepted events that are for endpoints which answer. */
let answering = 0
let publisher: Publisher | undefined
let load = performance.eventLoopUtilization()

const commands = {
  prepare: (publication: Publication): void => {
    publisher = new Publisher(publication)
  },
  /** @returns when `stop` is called and all calls are answered */
  closed: async (order: { connections: number; windowEvents: number }): Promise<Published> => {
    return await prepared().closed(order.connections, order.windowEvents)
  },
  open: async (order: { connections: number; eventsPerSecond: number; seconds: number }): Promise<Published> => {
    return await prepared().open(order.connections, order.eventsPerSecond, order.seconds)
  },
  stop: (): void => prepared().stop(),
  /** Endpoints whose number this divides do not answer from now on; 0: all do. */
  hang: (every: number): void => prepared().hang(every),
  /** How many events of this run have been delivered to all that answer. */
  delivered: (events: number): void => prepared().delivered(events),
  count: () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, load)
    load = now
    return { accepted: notebook.size, answering, load: utilization, atMs: monotonicMs() }
  },
  /** Lines: message id, when its call was due, when it was answered. @returns how many */
  write: (path: string): number => {
    notebook.write(path)
    return notebook.size
  },
}
export type PublisherCommands = typeof commands

answer(commands)

function prepared(): Publisher {
  if (!publisher) throw new Error('there is nothing to publish yet')
  return publisher
}

class Publisher {
  readonly #publication: Publication
  readonly #calls: Calls
  readonly #eventsPerCall: number
  #connections: ApiConnection[] = []
  #idle: ApiConnection[] = []
  #due: number[] = []
  /** Events for endpoints that answer: on their way or accepted, and delivered. */
  #sent = answering
  #delivered = answering
  #windowEvents = 0
  #underWay = 0
  #stopped = true
  #ended: (() => void) | undefined
  #late: NodeJS.Timeout | undefined
  #figures = blank()

  constructor(publication: Publication) {
    this.#publication = publication
    this.#calls = new Calls(publication)
    this.#eventsPerCall = publication.eventsPerCall ?? 1
  }

  async closed(connections: number, windowEvents: number): Promise<Published> {
    this.#begin(connections)
    this.#windowEvents = windowEvents
    this.#fill()
    return await this.#end()
  }

  async open(connections: number, eventsPerSecond: number, seconds: number): Promise<Published> {
    this.#begin(connections)
    this.#windowEvents = 0
    const intervalMs = (this.#eventsPerCall / eventsPerSecond) * 1_000
    const startedAt = Math.ceil(monotonicMs())
    const endsAt = startedAt + seconds * 1_000
    let number = 0
    const ended = Promise.withResolvers<void>()
    // a timer counts in ms, so calls are due at full ms
    const timer = setInterval(() => {
      const now = monotonicMs()
      for (;;) {
        const dueAt = Math.ceil(startedAt + number * intervalMs)
        if (dueAt > now) return
        if (dueAt >= endsAt) break
        number += 1
        this.#take(dueAt)
      }
      clearInterval(timer)
      ended.resolve()
    }, 1)
    await ended.promise
    this.stop()
    return await this.#end()
  }

  /** Nothing new is due; what is under way is waited for, within bounds. */
  stop(): void {
    this.#stopped = true
    this.#late = setTimeout(() => this.#giveUp(), END_MS_MAX)
    this.#settle()
  }

  /** What has no answer by now was not accepted as far as anybody knows. */
  #giveUp(): void {
    const unsent = this.#due.splice(0).length * this.#eventsPerCall
    if (unsent > 0) this.#figures.refused.unsent = unsent
    for (const connection of this.#connections) connection.close()
    this.#settle()
  }

  delivered(events: number): void {
    this.#delivered = events
    this.#fill()
  }

  hang(every: number): void {
    this.#calls.hangEvery = every
  }

  #begin(connections: number): void {
    this.#figures = blank()
    this.#stopped = false
    for (const connection of this.#connections.splice(connections)) connection.close()
    while (this.#connections.length < connections) {
      this.#connections.push(new ApiConnection(this.#publication.port))
    }
    this.#idle = [...this.#connections]
    this.#due = []
  }

  async #end(): Promise<Published> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#ended = resolve
    this.#settle()
    await promise
    clearTimeout(this.#late)
    this.#ended = undefined
    const { calls, accepted, refused, startedAt, acceptMs, lateMs, waitingMax } = this.#figures
    const seconds = rounded((monotonicMs() - startedAt) / 1_000, 3)
    return { calls, accepted, refused, seconds, acceptMs: acceptMs.spread(), lateMs: lateMs.spread(), waitingMax }
  }

  #settle(): void {
    if (this.#stopped && this.#underWay === 0 && this.#due.length === 0) this.#ended?.()
  }

  /** Keeps as many events outstanding as the window has room for. */
  #fill(): void {
    if (this.#stopped || this.#windowEvents === 0) return
    while (this.#sent - this.#delivered + this.#eventsPerCall <= this.#windowEvents) {
      const connection = this.#idle.pop()
      if (!connection) return
      this.#send(connection, monotonicMs())
    }
  }

  #take(dueAt: number): void {
    const connection = this.#idle.pop()
    if (connection) {
      this.#figures.lateMs.add(monotonicMs() - dueAt)
      this.#send(connection, dueAt)
    } else {
      this.#due.push(dueAt)
      this.#figures.waitingMax = Math.max(this.#figures.waitingMax, this.#due.length)
    }
  }

  #send(connection: ApiConnection, dueAt: number): void {
    const { head, body, answering: wanted } = this.#calls.next()
    const figures = this.#figures
    this.#underWay += 1
    this.#sent += wanted
    figures.calls += 1
    connection.send(head, body, (got) => {
      this.#underWay -= 1
      const accepted = this.#note(got, dueAt)
      const refused = this.#eventsPerCall - accepted
      figures.accepted += accepted
      if (refused === 0) {
        answering += wanted
        figures.acceptMs.add(monotonicMs() - dueAt)
        this.#free(connection)
      } else {
        this.#sent -= wanted
        figures.refused[got.status] = (figures.refused[got.status] ?? 0) + refused
        setTimeout(() => {
          if (figures === this.#figures) this.#free(connection) // else a later stretch has it already
        }, REFUSED_PAUSE_MS)
      }
    })
  }

  #free(connection: ApiConnection): void {
    const dueAt = this.#due.shift()
    if (dueAt === undefined) {
      this.#idle.push(connection)
      this.#fill()
      this.#settle()
    } else this.#send(connection, dueAt)
  }

  /** @returns how many events were acknowledged */
  #note({ status, body }: ApiAnswer, dueAt: number): number {
    if (status !== ACCEPTED) return 0
    const answeredAt = monotonicMs()
    let accepted = 0
    for (let at = body.indexOf(MESSAGE_ID); at >= 0; at = body.indexOf(MESSAGE_ID, at)) {
      at += MESSAGE_ID.length
      notebook.add(body, at, dueAt, answeredAt)
      at += ID_BYTES
      accepted += 1
    }
    return accepted
  }
}

function blank() {
  return {
    calls: 0,
    accepted: 0,
    refused: {} as Record<string, number>,
    startedAt: monotonicMs(),
    acceptMs: new Durations(),
    lateMs: new Durations(),
    waitingMax: 0,
  }
}
