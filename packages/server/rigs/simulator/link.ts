import { DatabaseUnavailable } from '#src/adapters/postgres/errors.ts'
import { between, type Random } from '../chaos/chance.ts'
import type { Silence } from '../chaos/plan.ts'
import type { Life, VirtualTime } from './virtual-time.ts'

/** Where a call of the database is on its way: between any two of these a process may die. */
export type Passing = 'request' | 'answer'

/** The network between processes and the database: how long a message takes, and whether it passes at all. */
export class Network {
  readonly #time: VirtualTime
  readonly #random: Random
  readonly #silenced = new Map<string, Silence>()
  readonly #slowMs = new Map<string, number>()
  #healed = Promise.withResolvers<void>()
  /** Told before each message; may end the process that it belongs to. */
  onPassing: (life: Life, passing: Passing) => void = () => {}

  constructor(time: VirtualTime, random: Random) {
    this.#time = time
    this.#random = random
  }

  /** Nothing passes any more between this process (all its lives) and the database, or nothing that the database says. */
  silence(name: string, silence: Silence): void {
    this.#silenced.set(name, silence)
  }

  isSilent(name: string): boolean {
    return this.#silenced.has(name)
  }

  /** Messages of this process take longer, each way. */
  slow(name: string, ms: number): void {
    this.#slowMs.set(name, ms)
  }

  /** Everything passes, first what was held: late, and whether or not its sender still waits. */
  heal(name: string): void {
    this.#silenced.delete(name)
    this.#slowMs.delete(name)
    this.#healed.resolve()
    this.#healed = Promise.withResolvers<void>()
  }

  /** A message to the database: it arrives even when its sender has died meanwhile. */
  async request(life: Life): Promise<void> {
    this.onPassing(life, 'request')
    await this.#travel(life, (silence) => silence === 'both_ways')
  }

  /** A message from the database; never to arrive at a process that is dead. */
  async answer(life: Life): Promise<void> {
    this.onPassing(life, 'answer')
    await this.#travel(life, (silence) => silence !== undefined)
    if (life.state !== 'running') await this.#time.sleep(0, life)
  }

  async #travel(life: Life, isHeld: (silence: Silence | undefined) => boolean): Promise<void> {
    const [name = ''] = life.owner.split('#')
    await this.#time.sleep(1 + between(this.#random, 0, 3) + (this.#slowMs.get(name) ?? 0))
    while (isHeld(this.#silenced.get(name))) await this.#healed.promise
  }
}

/** One call of a process at the database. Cut, its messages go nowhere. */
export class Link {
  readonly #life: Life
  readonly #network: Network
  readonly #gone = Promise.withResolvers<never>()
  #isCut = false

  constructor(life: Life, network: Network) {
    this.#life = life
    this.#network = network
    this.#gone.promise.catch(() => undefined)
    life.cuts.add(this.cut)
  }

  readonly cut = (): void => {
    this.#isCut = true
    this.#life.cuts.delete(this.cut)
    this.#gone.reject(new DatabaseUnavailable('lost'))
  }

  close(): void {
    this.#life.cuts.delete(this.cut)
  }

  /** What has been sent once arrives. */
  async request(): Promise<void> {
    if (this.#isCut) throw new DatabaseUnavailable('lost')
    await this.#network.request(this.#life)
  }

  async answer(): Promise<void> {
    await Promise.race([this.#network.answer(this.#life), this.#gone.promise])
  }
}
