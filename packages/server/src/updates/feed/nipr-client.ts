import type { Clock } from '#src/adapters/clock.ts'
import {
  AnswerLost,
  type HttpAnswer,
  HttpClient,
  type HttpRequest,
  type TimeLimits,
} from '#src/adapters/http-client/http-client.ts'
import { parseContentType } from '#src/adapters/multipart/content-type.ts'
import { parseRetryAfter } from '#src/adapters/outgoing/retry-after.ts'
import { thrift } from '#src/adapters/thrift.ts'
import type { Npn } from '#src/population/npn.ts'
import type { LocalDate } from '../local-date.ts'
import { AlertAnswerReader } from './alert-answer.ts'
import { DetailReader } from './detail-report.ts'
import { ALERT_KINDS, type AlertKind, type FeedFailure, type NiprFeed, ReportBroken } from './feed.ts'
import type { SoapAnswer } from './soap-answer.ts'
import {
  ALERTS_PATH,
  addSubscription,
  changeTargets,
  receiveReport,
  type SoapRequest,
  soapHeaders,
  subscriptionName,
} from './soap-request.ts'

export type NiprSettings = {
  /** Of the alert service and of the detail reports; without user or password. */
  alertsUrl: URL
  detailsUrl: URL
  user: string
  password: string
  subscriptionPrefix: string
  email: string
  /** What NIPR calls the operation that removes targets. */
  removeOperation: string
}

export type NiprTimeLimits = { connectMs: number; detail: TimeLimits; alertReport: TimeLimits; targets: TimeLimits }

/** Source: producersync-api 11, "Retries". */
export const NIPR_TIME_LIMITS: NiprTimeLimits = {
  connectMs: 10_000,
  detail: { totalMs: 30_000, silenceMs: 30_000 },
  alertReport: { totalMs: 600_000, silenceMs: 60_000 },
  targets: { totalMs: 60_000, silenceMs: 60_000 },
}

const DETAILS_PATH = '/pdb-xml-reports/entityinfo_xml.cgi?id_entity='
const NO_REPORT_YET = '5'
const TARGETS_PER_CALL_MAX = 1000
/** Of an answer that is not a report. */
const ANSWER_BYTES_MAX = 1_048_576

/** NIPR by HTTP; also the simulator, which speaks the same. One attempt each; no message holds what was sent or received. */
export class NiprClient implements NiprFeed {
  readonly #settings: NiprSettings
  readonly #limits: NiprTimeLimits
  readonly #clock: Clock
  readonly #alerts: HttpClient
  readonly #details: HttpClient
  readonly #authorization: string
  /** Kinds whose subscription is known to be there. */
  readonly #subscribed = new Set<AlertKind>()

  constructor(settings: NiprSettings, clock: Clock, limits: NiprTimeLimits = NIPR_TIME_LIMITS) {
    this.#settings = settings
    this.#limits = limits
    this.#clock = clock
    this.#alerts = new HttpClient(settings.alertsUrl, limits.connectMs)
    this.#details = new HttpClient(settings.detailsUrl, limits.connectMs)
    this.#authorization = `Basic ${Buffer.from(`${settings.user}:${settings.password}`).toString('base64')}`
  }

  async alerts(kind: AlertKind, day: LocalDate, signal: AbortSignal): ReturnType<NiprFeed['alerts']> {
    const name = subscriptionName(this.#settings.subscriptionPrefix, kind)
    const first = await this.#report(kind, receiveReport(name, day), signal)
    if (first.kind !== 'fault') return first
    const subscribed = await this.#subscribe(kind, first, signal)
    if (subscribed.kind === 'failed') return subscribed
    const second = await this.#report(kind, receiveReport(name, day), signal)
    return second.kind === 'fault' ? faultFailure(second) : second
  }

  async detail(npn: Npn, signal: AbortSignal): ReturnType<NiprFeed['detail']> {
    thrift.note()
    return this.#attempt(signal, async () => {
      const request: HttpRequest = {
        method: 'GET',
        path: DETAILS_PATH + npn,
        headers: { authorization: this.#authorization, accept: 'application/xml' },
      }
      const answer = await this.#details.request(request, this.#limits.detail, signal)
      if (answer.status !== 200) return this.#refusal(answer)
      const reader = new DetailReader(npn, charsetOf(answer))
      for await (const bytes of answer.body) if (!reader.write(bytes)) break
      return reader.end()
    })
  }

  async changeTargets(
    change: 'add' | 'remove',
    npns: readonly Npn[],
    signal: AbortSignal,
  ): ReturnType<NiprFeed['changeTargets']> {
    if (npns.length > TARGETS_PER_CALL_MAX) throw new RangeError(`more than ${TARGETS_PER_CALL_MAX} NPNs in one call`)
    for (const kind of npns.length === 0 ? [] : ALERT_KINDS) {
      const answer = await this.#changeTargets(kind, change, npns, signal)
      if (answer.kind === 'failed') return answer
    }
    return { kind: 'done' }
  }

  async close(): Promise<void> {
    await Promise.all([this.#alerts.close(), this.#details.close()])
  }

  async #changeTargets(kind: AlertKind, change: 'add' | 'remove', npns: readonly Npn[], signal: AbortSignal) {
    const name = subscriptionName(this.#settings.subscriptionPrefix, kind)
    const request = changeTargets(change === 'add' ? 'addTargets' : this.#settings.removeOperation, name, npns)
    const first = await this.#call(request, signal)
    if (first.kind !== 'fault') return first
    const subscribed = await this.#subscribe(kind, first, signal)
    if (subscribed.kind === 'failed') return subscribed
    const second = await this.#call(request, signal)
    return second.kind === 'fault' ? faultFailure(second) : second
  }

  /**
   * NIPR does not say in a code that a subscription is missing. So the first fault of a kind asks for it once; when it is
   * there already, the fault had another reason.
   */
  async #subscribe(kind: AlertKind, fault: Fault, signal: AbortSignal): Promise<{ kind: 'done' } | FeedFailure> {
    if (this.#subscribed.has(kind)) return faultFailure(fault)
    const { subscriptionPrefix, email } = this.#settings
    const answer = await this.#call(addSubscription(subscriptionName(subscriptionPrefix, kind), email, kind), signal)
    if (answer.kind === 'failed') return answer
    this.#subscribed.add(kind)
    return answer.kind === 'fault' ? faultFailure(fault) : { kind: 'done' }
  }

  /** A call whose answer is an envelope and no more. */
  #call(request: SoapRequest, signal: AbortSignal): Promise<{ kind: 'done' } | Fault | FeedFailure> {
    return this.#post(request, 'LICENSING', this.#limits.targets, signal, async (answer, reader) => {
      let bytesRead = 0
      for await (const bytes of answer.body) {
        bytesRead += bytes.length
        if (bytesRead > ANSWER_BYTES_MAX) return failed('an answer above 1 MiB')
        reader.write(bytes)
      }
      const end = reader.end()
      if (end.kind === 'fault') return end
      return answer.status === 200 ? { kind: 'done' } : this.#refusal(answer)
    })
  }

  #report(kind: AlertKind, request: SoapRequest, signal: AbortSignal): Promise<ReportAnswer | Fault> {
    return this.#post<ReportAnswer | Fault>(request, kind, this.#limits.alertReport, signal, async (answer, reader) => {
      const isWhole = await readUntilReport(answer, reader)
      const end = isWhole ? reader.end() : undefined
      if (end?.kind === 'fault') return end.code === NO_REPORT_YET ? { kind: 'no_report' } : end
      if (answer.status !== 200) return this.#refusal(answer)
      if (end?.kind === 'done') return failed('an answer without report')
      this.#subscribed.add(kind)
      return { kind: 'report', npns: readNpns(answer, reader, isWhole) }
    })
  }

  /** SOAP answers faults with 500, and some servers with 200: both can be read. */
  #post<T>(
    request: SoapRequest,
    kind: AlertKind,
    limits: TimeLimits,
    signal: AbortSignal,
    read: (answer: HttpAnswer, reader: AlertAnswerReader) => Promise<T | FeedFailure>,
  ): Promise<T | FeedFailure> {
    return this.#attempt(signal, async () => {
      const accept = 'text/xml, multipart/related'
      const headers = { ...soapHeaders(request.operation), authorization: this.#authorization, accept }
      const post: HttpRequest = { method: 'POST', path: ALERTS_PATH, headers, body: request.xml }
      const answer = await this.#alerts.request(post, limits, signal)
      if (answer.status !== 200 && answer.status !== 500) return this.#refusal(answer)
      try {
        return await read(answer, new AlertAnswerReader(answer.header('content-type') ?? '', kind))
      } catch (error) {
        await answer.body.return()
        // an error page says no more than its status
        if (answer.status === 500 && error instanceof ReportBroken) return this.#refusal(answer)
        throw error
      }
    })
  }

  /** A status that says no. Ends the connection: what came with it is not read. */
  async #refusal(answer: HttpAnswer): Promise<FeedFailure> {
    await answer.body.return()
    const { status } = answer
    const retryAfterMs = parseRetryAfter(answer.header('retry-after'), this.#clock.now())
    return {
      kind: 'failed',
      retry: status === 408 || status === 429 || status >= 500,
      refused: status === 401 || status === 403,
      cause: `http ${status}`,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    }
  }

  async #attempt<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T | FeedFailure> {
    try {
      return await call()
    } catch (error) {
      const failure = failureOf(error)
      if (signal.aborted || failure === undefined) throw error
      return failure
    }
  }
}

type ReportAnswer = Awaited<ReturnType<NiprFeed['alerts']>>
type Fault = Extract<SoapAnswer, { kind: 'fault' }>

/** Reads until it is known where the report is. @returns whether that was the whole body */
async function readUntilReport(answer: HttpAnswer, reader: AlertAnswerReader): Promise<boolean> {
  for (;;) {
    const piece = await answer.body.next()
    if (piece.done) return true
    reader.write(piece.value)
    if (reader.isReport && answer.status === 200) return false
  }
}

async function* readNpns(
  answer: HttpAnswer,
  reader: AlertAnswerReader,
  bodyIsWhole: boolean,
): AsyncGenerator<Npn[], void, void> {
  try {
    yield* reader.take()
    if (bodyIsWhole) return
    for await (const bytes of answer.body) {
      reader.write(bytes)
      yield* reader.take()
    }
    reader.end()
    yield* reader.take()
  } catch (error) {
    const failure = failureOf(error)
    throw failure === undefined ? error : new ReportBroken(failure)
  } finally {
    await answer.body.return()
  }
}

/** What a call met, or undefined for the end of its signal and for bugs. */
function failureOf(error: unknown): FeedFailure | undefined {
  if (error instanceof ReportBroken) return error.failure
  return error instanceof AnswerLost ? failed(error.reason) : undefined
}

function faultFailure(fault: Fault): FeedFailure {
  return failed(/^[A-Za-z0-9_.-]{1,20}$/.test(fault.code) ? `fault ${fault.code}` : 'fault')
}

function failed(cause: string): FeedFailure {
  return { kind: 'failed', retry: true, refused: false, cause }
}

function charsetOf(answer: HttpAnswer): string | undefined {
  return parseContentType(answer.header('content-type') ?? '').parameters.get('charset')
}
