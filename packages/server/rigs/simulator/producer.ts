import { hash } from 'node:crypto'
import { between, type Random } from '../chaos/chance.ts'
import type { Ledger } from '../chaos/ledger.ts'
import type { Scenario } from './scenario.ts'
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
  /** Calls that are to be made. */
  calls: number
  acknowledged: (text: string) => void
}

/** A careful producer: the same call with the same key, at any process, until it is answered. */
export class Producer {
  readonly #parts: ProducerParts
  /** Calls that are not answered yet, or not made. */
  unacknowledged: number

  constructor(parts: ProducerParts) {
    this.#parts = parts
    this.unacknowledged = parts.calls
  }

  publish({ account, padding, count }: Scenario['events'][number]): void {
    const { ledger, time, seed } = this.#parts
    const events = Array.from({ length: count }, () => {
      const uid = `s${ledger.publications.size + 1}`
      const payload = Buffer.from(`{"uid":"${uid}", "one":1.0,"zero":-0,"pad":"${'x'.repeat(padding)}"}`)
      const bodyHash = hash('sha256', payload, 'base64')
      ledger.publish({ uid, account, type: EVENT_TYPE, bodyHash, sentAtMs: time.nowMs })
      return { uid, payload }
    })
    this.#insist({ events, accountId: ACCOUNTS[account] ?? '', key: `${seed} ${events[0]?.uid}` })
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
    process.accept(publication).then((messageIds) => {
      // what a dead or frozen process has to say nobody hears
      if (isAnswered || process.life.state !== 'running') return
      isAnswered = true
      this.unacknowledged -= 1
      publication.events.forEach(({ uid }, item) => {
        const messageId = messageIds[item] ?? ''
        ledger.acknowledge(uid, messageId, time.nowMs)
        acknowledged(`${uid} is acknowledged by ${process.life.owner} as ${messageId}`)
      })
    }, again)
  }
}
