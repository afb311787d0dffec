import { readRequest } from './body.ts'
import type { Secrets } from './claim.ts'
import { memory } from './dedupe-memory.ts'
import type { DedupeStore } from './dedupe-store.ts'
import type { KnownEvent, UnknownEvent, WebhookEvent } from './events.ts'
import type { HeadersLike } from './headers.ts'
import { isKnown, parseEvent } from './parse-event.ts'
import { VerificationError } from './verification-error.ts'
import { type ReadBody, verifyUnread } from './verify.ts'

export type { DedupeStore } from './dedupe-store.ts'

/** What to do for each type of event. Store or queue it, and return: the sender waits 5 s. What it throws is answered 500. */
export type Handlers = {
  readonly [Type in KnownEvent['type']]?: (event: Extract<KnownEvent, { type: Type }>) => unknown
}

/** What `onError` is told. Nothing in it holds a secret; an event holds your data. */
export type Trouble =
  /** Answered 401, or 400 when the signature is right and the body is no event. */
  | { kind: 'refused'; error: VerificationError }
  /** Answered 500, or 200 when only remembering the handled event failed: your handler, your store, or your secrets threw. */
  | { kind: 'failed'; error: unknown; event?: WebhookEvent }
  /** A handler has run for 3 s, and still does. After 5 s the sender takes the attempt for failed. */
  | { kind: 'slow'; event: WebhookEvent }

export type ReceiverOptions = {
  /** `whsec_…` or `whpk_…`: one, several, or a function that gives them, asked for every webhook. */
  secrets: Secrets | (() => Secrets | Promise<Secrets>)
  on?: Handlers
  /** For every type that this version of the package does not know: your own types, `webhook.ping`, types added later. */
  onUnknown?: (event: UnknownEvent) => unknown
  /** What was handled before; default `memory()`, which other processes do not see. */
  dedupe?: DedupeStore
  /** How long a handler may take before another attempt may start the event anew; default 60. */
  claimSeconds?: number
  /** Told of every trouble; the package itself logs nothing. What it throws is ignored. */
  onError?: (trouble: Trouble) => unknown
  /** Bytes of the body that are accepted; default 1 MiB. */
  maxBytes?: number
  /** How far the webhook's time may be from `now`, either way; default 300. */
  toleranceSeconds?: number
  /** Default the current time. */
  now?: () => Date
}

/** A request as an adapter hands it over: its body is read only when the headers are worth it. */
export type Received = { headers: HeadersLike; read: ReadBody }

/** What an adapter answers. */
export type Answer = { status: number; headers: Record<string, string>; body: string }

const SLOW_MS = 3_000
const BUSY_RETRY_SECONDS = 5

/**
 * Makes the code behind an endpoint: it verifies each webhook, passes over repeats, calls your handler, and answers.
 * 200 handled, handled before, or nobody's; 401 `{code}` not verified; 400 `{code}` verified, but not an event; 503 another attempt
 * is being handled; 500 your handler threw, so the sender tries again.
 */
export function createReceiver(options: ReceiverOptions): (request: Request) => Promise<Response> {
  const receive = createAnswerer(options)
  return async (request) => responseOf(await receive(receivedOf(request)))
}

/** A fetch `Request`, or whatever has the same form. */
export function receivedOf(request: Request): Received {
  return { headers: request.headers, read: (bytesMax) => readRequest(request, bytesMax) }
}

export function responseOf({ status, headers, body }: Answer): Response {
  return new Response(body, { status, headers })
}

/** The receiver without its framework. It never rejects. */
export function createAnswerer(options: ReceiverOptions): (received: Received) => Promise<Answer> {
  const { dedupe = memory({ now: options.now }), claimSeconds = 60 } = options
  const tell = (trouble: Trouble) => void report(options.onError, trouble)
  const failed = (error: unknown, event?: WebhookEvent) => {
    tell({ kind: 'failed', error, event })
    return answer(500, { code: 'internal_error' })
  }
  // The answer is for the handler: what was handled is not sent again because a store is down, nor the other way round.
  const remember = async (step: () => Promise<void>, event: WebhookEvent) => {
    try {
      await step()
    } catch (error) {
      tell({ kind: 'failed', error, event })
    }
  }

  return async ({ headers, read }) => {
    let event: WebhookEvent
    let isVerified = false
    try {
      const json = await verifyUnread(read, headers, { ...options, now: options.now?.() })
      isVerified = true
      event = parseEvent(json)
    } catch (error) {
      if (!(error instanceof VerificationError)) return failed(error)
      tell({ kind: 'refused', error })
      return answer(isVerified || error.code === 'invalid_json' ? 400 : 401, { code: error.code })
    }

    const handle = handlerOf(options, event)
    if (!handle) return answer(200, { result: 'ignored' })
    try {
      const claim = await dedupe.claim(event.id, claimSeconds)
      if (claim === 'done') return answer(200, { result: 'repeated' })
      if (claim === 'busy') return answer(503, { code: 'busy' }, { 'retry-after': String(BUSY_RETRY_SECONDS) })
    } catch (error) {
      return failed(error, event)
    }

    const slow = setTimeout(() => tell({ kind: 'slow', event }), SLOW_MS)
    try {
      await handle()
    } catch (error) {
      await remember(() => dedupe.release(event.id), event)
      return failed(error, event)
    } finally {
      clearTimeout(slow)
    }
    await remember(() => dedupe.done(event.id), event)
    return answer(200, { result: 'handled' })
  }
}

function handlerOf({ on = {}, onUnknown }: ReceiverOptions, event: WebhookEvent): (() => unknown) | undefined {
  if (!isKnown(event)) return onUnknown && (() => onUnknown(event))
  // The handler under an event's type takes that event: TypeScript does not see that they go together.
  const handler = on[event.type] as ((event: KnownEvent) => unknown) | undefined
  return handler && (() => handler(event))
}

function answer(status: number, body: object, headers: Record<string, string> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}

async function report(onError: ReceiverOptions['onError'], trouble: Trouble): Promise<void> {
  try {
    await onError?.(trouble)
  } catch {
    // telling of a trouble must not make another one
  }
}
