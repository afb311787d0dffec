import { hash } from 'node:crypto'
import { between, type Random } from '../chaos/chance.ts'
import type { Ledger } from '../chaos/ledger.ts'
import type { Publication, SimProcess } from './sim-process.ts'
import { ACCOUNTS, EVENT_TYPE } from './site.ts'
import type { VirtualTime } from './virtual-time.ts'

const AGAIN_MS = 200
const CALL_MS_MAX = 3_000

export type ProducerParts = {
  time: VirtualTime
  random: Random
  seed: number
  ledger: Ledger
  /** The present lives. */
  processes: readonly SimProcess[]
  /** Events that are to be published. */
  events: number
  acknowledged: (text: string) => void
}

/** A careful producer: the same call with the same key, at any process, until it is answered. */
export class Producer {
  readonly #parts: ProducerParts
  /** Events that are not acknowledged yet, or not published. */
  unacknowledged: number

  constructor(parts: ProducerParts) {
    this.#parts = parts
    this.unacknowledged = parts.events
  }

  publish(account: number, padding: number): void {
    const { ledger, time, seed } = this.#parts
    const uid = `s${ledger.publications.size + 1}`
    const payload = Buffer.from(`{"uid":"${uid}", "one":1.0,"zero":-0,"pad":"${'x'.repeat(padding)}"}`)
    const bodyHash = hash('sha256', payload, 'base64')
    ledger.publish({ uid, account, type: EVENT_TYPE, bodyHash, sentAtMs: time.nowMs })
    this.#insist({ uid, accountId: ACCOUNTS[account] ?? '', payload, key: `${seed} ${uid}` })
  }

  #insist(publication: Publication): void {
    const { processes, random, time, ledger, acknowledged } = this.#parts
    const ready = processes.filter(({ life, isReady }) => isReady && life.state === 'running')
    const process = ready[between(random, 0, ready.length - 1)]
    let isAnswered = false
    const again = () => {
      if (isAnswered) return
      isAnswered = true
      time.after(AGAIN_MS, () => this.#insist(publication))
    }
    if (!process) {
      again()
      return
    }
    time.after(CALL_MS_MAX, again)
    process.accept(publication).then((messageId) => {
      // what a dead or frozen process has to say nobody hears
      if (isAnswered || process.life.state !== 'running') return
      isAnswered = true
      ledger.acknowledge(publication.uid, messageId, time.nowMs)
      this.unacknowledged -= 1
      acknowledged(`${publication.uid} is acknowledged by ${process.life.owner} as ${messageId}`)
    }, again)
  }
}
