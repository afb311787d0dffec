import { setTimeout as sleep } from 'node:timers/promises'
import { generateSecret } from '@producersync/webhooks/node'
import { AccountApi } from './api.ts'
import { DemoFailure } from './failure.ts'
import { ReceiverProcess } from './receiver-process.ts'
import { type Figures, type RecordedAttempt, reckon, type Takeover } from './reckoning.ts'
import { ServiceProcess } from './service-process.ts'

/** The endpoint's own schedule, so that nobody has to wait for the default one, which takes three days. */
export const RETRY_SCHEDULE = [1, 1, 2, 2, 3, 5, 5, 5, 5, 5]

/** After which share of the deliveries it happens. */
const FIRST_KILL_AT = 0.05 // the job is still adding
const REFUSING_FROM = 0.3
const HANGING_FROM = 0.5
const SECOND_KILL_AT = 0.7
const TROUBLE_MS = 2_000
const LEAVING_SHARE = 0.1
const RECORDING_MS_MAX = 10_000
const RECORDING_LOOK_MS = 250

export type Settings = {
  /** The population to add; a tenth of it leaves again in the end. */
  npns: readonly string[]
  /** Give the receiver another secret than the endpoint has: the demo must fail. */
  breakSecret: boolean
  /** What the service's process inherits, but for settings of the service. */
  environment: NodeJS.ProcessEnv
}

/** Where the run tells of itself. */
export type Stage = {
  phase: (words: string) => void
  progress: (progress: { requests: number; delivered: number; expected: number }) => void
}

export type Ending = { figures: Figures; faults: string[] }

/**
 * Plays the whole story on a database that is thrown away, and leaves no process and no file.
 * @param signal  ends it early; what is known by then is reported
 */
export async function run(settings: Settings, stage: Stage, signal: AbortSignal): Promise<Ending> {
  const startedAtMs = performance.now()
  const failing = new AbortController()
  const going = AbortSignal.any([failing.signal, signal])
  const failed = (why: string) => failing.abort(new DemoFailure(why))
  const seen: Figures = {
    accepted: 0,
    delivered: 0,
    verified: 0,
    retried: 0,
    duplicates: 0,
    duplicatesBound: null,
    lost: 0,
    takeoverMs: null,
    seconds: 0,
  }
  const leaving = settings.npns.slice(0, Math.ceil(settings.npns.length * LEAVING_SHARE))
  const expected = settings.npns.length + leaving.length
  const progress = (requests: number, delivered: number) => {
    seen.delivered = seen.verified = delivered
    stage.progress({ requests, delivered, expected })
  }

  const secret = generateSecret()
  let receiver: ReceiverProcess | undefined
  let service: ServiceProcess | undefined
  try {
    const told = { progress, failed }
    receiver = await ReceiverProcess.start(settings.breakSecret ? generateSecret() : secret, told, going)
    service = new ServiceProcess(settings.environment, receiver.address, failed)
    const story = new Story({ stage, receiver, service, signal: going })
    const evidence = await story.play(secret, settings.npns, leaving, (acknowledged) => {
      seen.accepted += acknowledged
    })
    return reckon({ ...evidence, seconds: secondsSince(startedAtMs) })
  } catch (error) {
    const cause: unknown = going.aborted ? going.reason : error
    if (!(cause instanceof DemoFailure)) throw cause
    const figures = { ...seen, lost: Math.max(0, seen.accepted - seen.delivered), seconds: secondsSince(startedAtMs) }
    return { figures, faults: [cause.message] }
  } finally {
    stage.phase('all that it started is stopped and removed')
    await receiver?.stop()
    await service?.stop()
  }
}

type Parts = { stage: Stage; receiver: ReceiverProcess; service: ServiceProcess; signal: AbortSignal }

class Story {
  readonly #parts: Parts
  readonly #takeovers: Takeover[] = []

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** @param acknowledged  called with how many changes the service has acknowledged, each time that it does */
  async play(
    secret: string,
    npns: readonly string[],
    leaving: readonly string[],
    acknowledged: (changes: number) => void,
  ) {
    const { stage, receiver, service, signal } = this.#parts
    stage.phase('the service starts, on an empty database')
    await service.start(signal)

    stage.phase('an account in production, an endpoint for the group "producersync", a test request')
    const credentials = await service.createAccount('Demo', signal)
    const api = await AccountApi.signIn(() => service.url, credentials, signal)
    const endpoint = {
      url: `http://${receiver.address}/webhooks`,
      eventTypes: ['producersync'],
      secret,
      retrySchedule: RETRY_SCHEDULE,
    }
    const [endpointId] = await Promise.all([api.createEndpoint(endpoint), receiver.pingTaken()])

    stage.phase(`PUT of ${count(npns.length)} NPNs`)
    const addition = await api.addNpns(npns)
    acknowledged(npns.length)
    await this.#trouble(npns.length)
    const added = await api.jobEnded(addition)
    await receiver.reached(npns.length)

    stage.phase(`DELETE of ${count(leaving.length)} NPNs`)
    const removal = await api.removeNpns(leaving)
    acknowledged(leaving.length)
    const removed = await api.jobEnded(removal)
    await receiver.reached(npns.length + leaving.length)

    stage.phase('the receiver has everything; its ledger is compared with what the API says')
    const attempts = await this.#recorded(api, endpointId, npns.length + leaving.length)
    return {
      added: npns,
      removed: leaving,
      acknowledged: added.added + removed.removed,
      events: await api.npnEvents(),
      attempts,
      ledger: await receiver.ledger(),
      takeovers: this.#takeovers,
    }
  }

  /** What befalls receiver and service while the population is being announced. */
  async #trouble(deliveries: number): Promise<void> {
    const { stage, receiver, signal } = this.#parts
    await receiver.reached(Math.floor(deliveries * FIRST_KILL_AT))
    await this.#kill('service')

    await receiver.reached(Math.floor(deliveries * REFUSING_FROM))
    stage.phase(`the receiver answers 503 for ${TROUBLE_MS / 1000} s`)
    receiver.be('refusing')
    await sleep(TROUBLE_MS, undefined, { signal })
    receiver.be('well')

    await receiver.reached(Math.floor(deliveries * HANGING_FROM))
    stage.phase(`the receiver hangs for ${TROUBLE_MS / 1000} s`)
    receiver.be('hanging')
    await sleep(TROUBLE_MS, undefined, { signal })
    receiver.be('well')

    await receiver.reached(Math.floor(deliveries * SECOND_KILL_AT))
    await this.#kill('service and database')
  }

  async #kill(what: 'service' | 'service and database'): Promise<void> {
    const { stage, receiver, service, signal } = this.#parts
    const { atMs, databaseEnded } = await service.kill(what)
    stage.phase(`kill -9 of the ${what}, and it starts again`)
    await receiver.noteKill()
    const again = receiver.deliveringAgain().then(() => ({
      tookMs: Math.round(performance.now() - atMs),
      starvedMs: service.starvedMs(),
    }))
    const [takeover] = await Promise.all([again, service.start(signal)])
    this.#takeovers.push(takeover)
    const databaseMs = Math.round(await databaseEnded)
    stage.phase(
      `deliveries go on ${count(takeover.tookMs)} ms after the kill, ${count(takeover.starvedMs)} of them without a processor (its PostgreSQL had gone after ${databaseMs} ms)`,
    )
  }

  /** The attempts, once every delivery's last one is among them: outcomes are recorded a moment after the answer. */
  async #recorded(api: AccountApi, endpointId: string, deliveries: number): Promise<RecordedAttempt[]> {
    const deadlineMs = performance.now() + RECORDING_MS_MAX
    for (;;) {
      const attempts = await api.attempts(endpointId)
      const succeeded = attempts.filter(({ status }) => status === 200)
      // the ping is one more
      if (new Set(succeeded.map(({ messageId }) => messageId)).size > deliveries) return attempts
      if (performance.now() > deadlineMs) return attempts
      await sleep(RECORDING_LOOK_MS, undefined, { signal: this.#parts.signal })
    }
  }
}

function secondsSince(startedAtMs: number): number {
  return Math.round((performance.now() - startedAtMs) / 100) / 10
}

function count(number: number): string {
  return number.toLocaleString('en-US')
}
