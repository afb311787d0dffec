import { messageOf, payloadsOf } from './bodies.ts'

/** What is published, and to whom. */
export type Publication = {
  port: number
  key: string
  accountIds: string[]
  /** Each event names one of so many channels in turn, and so is for one endpoint of its account; 0: for all of them. */
  channels: number
  /** Of one call; null: `POST …/msg` with an Idempotency-Key. */
  eventsPerCall: number | null
  seed: number
}

/** `answering`: how many of its events go to endpoints that answer. */
export type Call = { head: string; body: Buffer; answering: number }

/** Different bodies of calls; then they come again. */
const BATCHES = 64

/** The requests of a run, in an order that the seed fixes: accounts in turn, and for each its channels in turn. */
export class Calls {
  readonly #publication: Publication
  readonly #bodies: Buffer[]
  /** Endpoints whose number this divides do not answer; 0: all answer. */
  hangEvery = 0
  #next = 0

  constructor(publication: Publication) {
    this.#publication = publication
    this.#bodies = bodiesOf(publication)
  }

  next(): Call {
    const { accountIds, channels, eventsPerCall } = this.#publication
    const number = this.#next
    this.#next += 1
    const account = number % accountIds.length
    const accountId = accountIds[account] ?? ''
    // an event of a single call is for one channel: all accounts get the first, then all the second, …
    const channel = channels === 0 ? 0 : Math.floor(number / accountIds.length) % channels
    const body = this.#bodies[this.#bodyOf(number, channel)] ?? Buffer.alloc(0)
    const path = eventsPerCall === null ? 'msg' : 'msg/batch'
    const key = eventsPerCall === null ? `idempotency-key: bench-${process.pid}-${number}\r\n` : ''
    const head =
      `POST /api/v1/app/${accountId}/${path} HTTP/1.1\r\nhost: 127.0.0.1\r\n` +
      `authorization: Bearer ${this.#publication.key}\r\ncontent-type: application/json\r\n${key}` +
      `content-length: ${body.length}\r\n\r\n`
    return { head, body, answering: this.#answering(account, channel) }
  }

  #answering(account: number, channel: number): number {
    const { channels, eventsPerCall } = this.#publication
    const answers = (endpoint: number) => this.hangEvery === 0 || (account * channels + endpoint) % this.hangEvery !== 0
    if (eventsPerCall === null) return answers(channel) ? 1 : 0
    if (channels === 0 || this.hangEvery === 0) return eventsPerCall
    let answering = 0
    for (let event = 0; event < eventsPerCall; event += 1) if (answers(event % channels)) answering += 1
    return answering
  }

  #bodyOf(number: number, channel: number): number {
    const { channels, eventsPerCall } = this.#publication
    if (eventsPerCall !== null || channels === 0) return number % this.#bodies.length
    const perChannel = Math.floor(this.#bodies.length / channels)
    return channel + channels * (number % perChannel)
  }
}

/** Of single calls, body N is for channel N modulo channels. */
function bodiesOf({ channels, eventsPerCall, seed }: Publication): Buffer[] {
  const payloads = payloadsOf(seed)
  const message = (index: number, channel: number) =>
    messageOf(payloads[index % payloads.length] ?? '{}', channels === 0 ? null : channelName(channel % channels))
  if (eventsPerCall === null) return payloads.map((_, index) => Buffer.from(message(index, index)))
  return Array.from({ length: BATCHES }, (_, batch) => {
    const messages = Array.from({ length: eventsPerCall }, (_, index) => message(batch * eventsPerCall + index, index))
    return Buffer.from(`{"messages":[${messages.join(',')}]}`)
  })
}

export function channelName(channel: number): string {
  return `channel-${channel}`
}
