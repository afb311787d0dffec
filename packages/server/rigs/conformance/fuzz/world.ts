import { oneOf, type Random } from '../../chaos/chance.ts'

/** What requests can name: one application and what is in it. */
type Known = { app_id: string[]; endpoint_id: string[]; msg_id: string[]; attempt_id: string[]; task_id: string[] }

const APPLICATIONS = 12
const EVENT_TYPES = 6
/** Names of nothing: unknown, malformed, of another kind, above 160 bits, too long, odd. */
const NOTHING = [
  'nobody',
  'app_2ZkBoY2ilHMJmT7ULsBqzKUmmAj',
  'ep_2ZkBoY2ilHMJmT7ULsBqzKUmmAj',
  'msg_2ZkBoY2ilHMJmT7ULsBqzKUmmAj',
  `msg_${'z'.repeat(27)}`,
  `atmpt_${'z'.repeat(27)}`,
  'x'.repeat(256),
  'x'.repeat(257),
  '%00',
  '%2e%2e',
  '%ff',
  'a%2Fb',
  '%F0%9F%98%80',
  '-',
  '0',
  '0ded8367-01ac-4519-8cd7-ce965d55c0b0',
  '15645555',
]

export type Call = (
  method: string,
  path: string,
  body?: object,
) => Promise<{ status: number; body: Record<string, unknown> }>

/** What the service holds for the fuzz run, made over its own API and made anew now and then, as requests delete from it. */
export class World {
  readonly #call: Call
  readonly #url: string
  readonly #applications: Known[] = []
  #made = 0

  /** @param url where endpoints of the world are */
  constructor(call: Call, url: string) {
    this.#call = call
    this.#url = url
  }

  async build(): Promise<void> {
    for (let number = 0; number < EVENT_TYPES; number += 1) {
      await this.#call('POST', '/api/v1/event-type', { name: `fuzz.${number}`, description: 'For the fuzz run' })
    }
    for (let number = 0; number < APPLICATIONS; number += 1) await this.renew()
  }

  /** Adds an application with everything in it, in the place of the oldest. */
  async renew(): Promise<void> {
    this.#made += 1
    const uid = `fuzz-${this.#made}`
    const app = `/api/v1/app/${uid}`
    const { body: application } = await this.#call('POST', '/api/v1/app', { name: uid, uid })
    const known: Known = {
      app_id: [uid, String(application.id)],
      endpoint_id: [],
      msg_id: [],
      attempt_id: [],
      task_id: [],
    }
    for (const name of ['one', 'two']) {
      const { body: endpoint } = await this.#call('POST', `${app}/endpoint`, { url: this.#url, uid: name })
      known.endpoint_id.push(name, String(endpoint.id))
    }
    for (const eventId of ['first', 'second']) {
      const { body: message } = await this.#call('POST', `${app}/msg`, {
        eventType: 'fuzz.1',
        eventId,
        payload: { n: 1 },
      })
      known.msg_id.push(eventId, String(message.id))
    }
    const { body: task } = await this.#call('POST', `${app}/endpoint/one/recover`, {
      since: new Date(Date.now() - 60_000),
    })
    known.task_id.push(String(task.id))
    this.#applications.push(known)
    if (this.#applications.length > APPLICATIONS) this.#applications.shift()
    await this.#noteAttempts()
  }

  /** Attempts follow their messages: those of an earlier application are there by now. */
  async #noteAttempts(): Promise<void> {
    for (const known of this.#applications.filter(({ attempt_id: ids }) => ids.length === 0)) {
      const { body } = await this.#call('GET', `/api/v1/app/${known.app_id[0]}/attempt/msg/first`)
      const rows: unknown[] = Array.isArray(body.data) ? body.data : []
      for (const row of rows) {
        if (typeof row === 'object' && row !== null && 'id' in row) known.attempt_id.push(String(row.id))
      }
    }
  }

  /** Names for the values of a path: of one application, or of nothing. */
  names(random: Random, wanted: readonly string[], { missing }: { missing: number }): Record<string, string> {
    const known = oneOf(random, this.#applications)
    return Object.fromEntries(
      wanted.map((name) => {
        const all =
          name === 'event_type_name'
            ? this.#eventTypes
            : (Object.entries(known).find(([key]) => key === name)?.[1] ?? [])
        return [name, all.length === 0 || random() < missing ? oneOf(random, NOTHING) : oneOf(random, all)]
      }),
    )
  }

  get #eventTypes(): string[] {
    return Array.from({ length: EVENT_TYPES }, (_, number) => `fuzz.${number}`)
  }
}
