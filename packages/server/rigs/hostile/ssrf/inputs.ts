import { setTimeout as sleep } from 'node:timers/promises'
import type { RigDatabase } from '../../chaos/database.ts'
import { SERVICE_ADDRESS } from './addresses.ts'
import { CANARIES, LOOPBACK, UNSENDABLE } from './canaries.ts'
import { type Case, corpusOf, hostOf } from './corpus.ts'
import { NEIGHBOURS } from './registries.ts'
import type { ApiAnswer, NameOrder, World } from './world.ts'

type Parts = { world: World; database: RigDatabase; key: string; signal: AbortSignal }
type Target = { name: string; endpointId: string; expected: readonly string[] }

const PUBLIC = '11.0.0.1'
const PUBLIC_IPV6 = '2606:4700:4700::1111'
const TYPE = 'producersync.npn.activated'
const TIMEOUT_MS = 1_000
const CALLS_AT_ONCE = 8
const REBINDING_NAMES = 20
const BURST = 10
const LOOK_MS = 200
const WAIT_MS_MAX = 60_000
const EXAMPLES_MAX = 20

/** Everything that is given to the service in the SSRF part, and what it made of it. */
export class Inputs {
  readonly #parts: Parts
  #account = ''
  #neighbours = ''
  #rebinding = ''
  #targets: Target[] = []
  #others: Target[] = []
  count = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  async open(): Promise<void> {
    this.#account = await this.#made('/app', { name: 'Forbidden' })
    this.#neighbours = await this.#made('/app', { name: 'Neighbours' })
    this.#rebinding = await this.#made('/app', { name: 'Rebinding' })
    await this.#untilHttpIsAllowed()
  }

  /** Every case of the corpus, as a new endpoint and as the new URL of one. */
  async save(): Promise<{ passed: number; total: number; refused: number; failures: string[] }> {
    const account = await this.#made('/app', { name: 'Corpus' })
    const path = `/app/${account}/endpoint`
    const cases = corpusOf(SERVICE_ADDRESS)
    const changed = await this.#made(path, { url: 'https://receiver.com/' })
    const failures: string[] = []
    let refused = 0
    const judge = ({ url, allowed }: Case, how: string, { status }: ApiAnswer): boolean => {
      this.count += 1
      if (status === 422) refused += 1
      const isRight = allowed ? status === 200 || status === 201 : status === 422
      if (!isRight && failures.length < EXAMPLES_MAX)
        failures.push(`corpus ${how} ${JSON.stringify(url.slice(0, 80))}: ${status}`)
      return isRight
    }
    const right = await inTurns(cases, async (one) => {
      const created = judge(one, 'create', await this.#call('POST', path, { url: one.url }))
      const updated = judge(one, 'update', await this.#call('PATCH', `${path}/${changed}`, { url: one.url }))
      return created && updated
    })
    await this.#call('DELETE', `/app/${account}`)
    return { passed: right.filter(Boolean).length, total: cases.length, refused, failures }
  }

  /** Every class of targets, written out and behind a name: tested, published to, replayed. */
  async sendToAll(): Promise<void> {
    const addresses = [...CANARIES.map(({ address }) => address), ...LOOPBACK, ...UNSENDABLE, SERVICE_ADDRESS]
    const blocked = ['blocked']
    await inTurns(addresses, async (address, number) => {
      await this.#literal(address, `http://${hostOf(address)}/ok/canary`)
      await this.#named(`a${number}.lead.com`, [address], blocked)
    })
    await this.#named('mixed-1.lead.com', [PUBLIC, '10.20.30.40'], blocked)
    await this.#named('mixed-2.lead.com', ['169.254.169.254', PUBLIC], blocked)
    await this.#named('mixed-3.lead.com', [PUBLIC, 'fd00:ec2::254'], blocked)
    await this.#named('mixed-4.lead.com', [PUBLIC, PUBLIC_IPV6, '::ffff:127.0.0.1'], blocked)
    for (const [number, { address }] of CANARIES.entries()) {
      const location = encodeURIComponent(`http://${hostOf(address)}/ok/canary`)
      const url = `http://${PUBLIC}/redirect/${number}?${location}`
      const endpointId = await this.#made(`/app/${this.#account}/endpoint`, { url, ...SETTINGS })
      this.#others.push({ name: `redirect to ${address}`, endpointId, expected: ['responded 302'] })
    }
    const all = [...this.#targets, ...this.#others]
    await inTurns(all, async ({ endpointId }) => {
      this.count += 1
      await this.#mustCall('POST', `/app/${this.#account}/endpoint/${endpointId}/send-example`, { eventType: TYPE })
    })
    const messageId = await this.#made(`/app/${this.#account}/msg`, EVENT)
    this.count += all.length
    await this.#untilAttempted(this.#account, all.length * 2)
    await inTurns(all, async ({ endpointId }) => {
      this.count += 1
      await this.#mustCall('POST', `/app/${this.#account}/msg/${messageId}/endpoint/${endpointId}/resend`, {})
    })
    await this.#untilAttempted(this.#account, all.length * 3)
  }

  /** One event to all forbidden targets, and what came of it. */
  async publishToAll(): Promise<void> {
    const before = await this.#attempts(this.#account)
    await this.#made(`/app/${this.#account}/msg`, EVENT)
    await this.#untilAttempted(this.#account, before + this.#targets.length + this.#others.length)
  }

  async sendToNeighbours(): Promise<{ delivered: number; refused: string[] }> {
    const path = `/app/${this.#neighbours}/endpoint`
    const ids = await inTurns(NEIGHBOURS, (address) =>
      this.#made(path, { url: `http://${hostOf(address)}/ok/neighbour`, ...SETTINGS }),
    )
    await this.#made(`/app/${this.#neighbours}/msg`, EVENT)
    await this.#untilAttempted(this.#neighbours, NEIGHBOURS.length)
    const delivered = new Set(
      await this.#rows<{ endpoint_id: string }>(
        `select distinct endpoint_id from attempt where account_id = $1 and state = 'delivered' and cause = 'event'`,
        [this.#neighbours],
      ).then((rows) => rows.map((row) => row.endpoint_id)),
    )
    const refused = NEIGHBOURS.filter((_, index) => !delivered.has(ids[index] ?? ''))
    return { delivered: delivered.size, refused: refused.map((address) => `neighbour ${address}`) }
  }

  /** Names whose answers change with every look-up. @returns the attempts that were made */
  async rebind(seed: number, tries: number): Promise<number> {
    const { world, signal } = this.#parts
    const path = `/app/${this.#rebinding}/endpoint`
    const names = Array.from({ length: REBINDING_NAMES }, (_, number) => `r${number}.rebind.com`)
    for (const name of names) await world.ask('name', { name, addresses: [PUBLIC] })
    await inTurns(names, (name) => this.#made(path, { url: `http://${name}/ok/rebinding`, ...SETTINGS }))
    await this.#made(`/app/${this.#rebinding}/msg`, EVENT) // a first 2xx: they may have more than one a second
    await this.#untilAttempted(this.#rebinding, REBINDING_NAMES)
    // mostly public: ten refusals in a row would open the endpoint's breaker
    const choices = CANARIES.flatMap(({ address }) => [
      [PUBLIC],
      [PUBLIC, PUBLIC_IPV6],
      [address],
      [PUBLIC],
      [PUBLIC, address],
    ])
    for (const name of names) await world.ask('name', { name, seed, choices })
    for (let made = 0; made < tries && !signal.aborted; ) {
      const messages = Array.from({ length: BURST }, () => EVENT)
      await this.#mustCall('POST', `/app/${this.#rebinding}/msg/batch`, { messages })
      made += BURST * REBINDING_NAMES
      await this.#untilAttempted(this.#rebinding, REBINDING_NAMES + made)
    }
    for (const name of names) await world.ask('name', { name, addresses: [PUBLIC] })
    return (await this.#attempts(this.#rebinding)) - REBINDING_NAMES
  }

  /** What the attempts ended as, apart from those that a class may end as. */
  async outcomes(): Promise<{ blocked: number; unexpected: string[] }> {
    const rows = await this.#rows<{ account_id: string; endpoint_id: string; ended: string; attempts: number }>(
      `select account_id, endpoint_id, outcome || case when status_code > 0 then ' ' || status_code else '' end as ended,
              count(*)::int as attempts
         from attempt where account_id = any ($1) group by 1, 2, 3`,
      [[this.#account, this.#rebinding]],
    )
    const targets = new Map([...this.#targets, ...this.#others].map((target) => [target.endpointId, target]))
    const unexpected = rows.flatMap(({ account_id, endpoint_id, ended, attempts }) => {
      const { name, expected } = targets.get(endpoint_id) ?? {
        name: 'a rebinding name',
        expected: ['blocked', 'responded 200', 'dns'], // the two families are asked for apart
      }
      if (account_id === this.#account && !targets.has(endpoint_id)) return []
      return expected.includes(ended) ? [] : [`unexpected ${name}: ${attempts} ended as ${ended}`]
    })
    return { blocked: rows.reduce((sum, row) => sum + (row.ended === 'blocked' ? row.attempts : 0), 0), unexpected }
  }

  /** An endpoint that nobody could save: its URL is put into its row, as an older release or a hand might have. */
  async #literal(name: string, url: string): Promise<void> {
    const endpointId = await this.#made(`/app/${this.#account}/endpoint`, {
      url: `http://${PUBLIC}/ok/first`,
      ...SETTINGS,
    })
    await this.#rows(
      'update endpoint set url = $1, version = version + 1, proven_at = null where id = $2 returning id',
      [url, endpointId],
    )
    this.#targets.push({ name, endpointId, expected: ['blocked', 'responded 200'] })
  }

  async #named(name: string, addresses: readonly string[], expected: readonly string[]): Promise<void> {
    const { world } = this.#parts
    const endpointId = await this.#made(`/app/${this.#account}/endpoint`, {
      url: `http://${name}/ok/canary`,
      ...SETTINGS,
    })
    const order: NameOrder = { name, addresses }
    await world.ask('name', order)
    this.#targets.push({ name: `${name} (${addresses.join(', ')})`, endpointId, expected: [...expected, 'dns'] })
  }

  /** A change of the environment's settings is obeyed within seconds. */
  async #untilHttpIsAllowed(): Promise<void> {
    const endsAtMs = performance.now() + WAIT_MS_MAX
    const path = `/app/${await this.#made('/app', { name: 'First' })}/endpoint`
    while ((await this.#call('POST', path, { url: `http://${PUBLIC}/ok/first` })).status !== 201) {
      if (performance.now() > endsAtMs) throw new Error('plain http is still refused')
      await sleep(LOOK_MS)
    }
  }

  async #untilAttempted(account: string, attempts: number): Promise<void> {
    const endsAtMs = performance.now() + WAIT_MS_MAX
    while ((await this.#attempts(account)) < attempts) {
      if (performance.now() > endsAtMs)
        throw new Error(`${await this.#attempts(account)} of ${attempts} attempts were made`)
      this.#parts.signal.throwIfAborted()
      await sleep(LOOK_MS)
    }
  }

  /** Apart from the requests that saving an endpoint sends. */
  async #attempts(account: string): Promise<number> {
    const [row] = await this.#rows<{ attempts: number }>(
      `select count(*)::int as attempts from attempt a join event e on e.account_id = a.account_id and e.id = a.event_id
        where a.account_id = $1 and e.type <> 'webhook.ping'`,
      [account],
    )
    return row?.attempts ?? 0
  }

  async #rows<Row extends object>(statement: string, values: unknown[]): Promise<Row[]> {
    return await this.#parts.database.asSuperuser(async (client) => (await client.query<Row>(statement, values)).rows)
  }

  async #made(path: string, body: object): Promise<string> {
    const answer = await this.#mustCall('POST', path, body)
    const made: { id: string } = JSON.parse(answer.body)
    return made.id
  }

  async #mustCall(method: string, path: string, body: object): Promise<ApiAnswer> {
    const answer = await this.#call(method, path, body)
    if (answer.status > 299) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`)
    return answer
  }

  async #call(method: string, path: string, body?: object): Promise<ApiAnswer> {
    const { world, key } = this.#parts
    return await world.ask('call', { method, path, key, ...(body ? { body } : {}) })
  }
}

const SETTINGS = { retrySchedule: [], timeoutMs: TIMEOUT_MS }
const EVENT = { eventType: TYPE, payload: { npn: '1234567' } }

async function inTurns<T, R>(items: readonly T[], work: (item: T, number: number) => Promise<R>): Promise<R[]> {
  const done: R[] = []
  let next = 0
  const take = async () => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index]
      if (item !== undefined) done[index] = await work(item, index)
    }
  }
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, take))
  return done
}
