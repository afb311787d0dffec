import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { check, parseEvent, parseVerifyingKey, VerificationError, type WebhookEvent } from '@producersync/webhooks'

const help = `Prints every webhook that arrives, and whether its signature is right.

Usage: npm run listen -- [options]

  --port N        port to listen on; default 3000, 0 takes any free one
  --host NAME     address to listen on; default 127.0.0.1
  --path PATH     listen on this path only, as /webhooks; default every path
  --secret S      signing secret (whsec_… or whpk_…), may be given several times;
                  default $PSAPI_WEBHOOK_SECRETS, separated by spaces
  --fail N        answer 500 to the first N webhooks
  --status CODE   answer this to all (others); default 200
  --delay TIME    wait before each answer, as 250ms or 6s
  --json          one JSON object per webhook, on one line
  --help          this text

It answers 200 to what it cannot verify too: it is there to look at. A real receiver answers 401.

Examples:
  PSAPI_WEBHOOK_SECRETS="whsec_…" npm run listen -- --port 3000
  npm run listen -- --port 3000 --fail 3               # a receiver that recovers: watch the retries
  npm run listen -- --port 3000 --delay 6s             # one that is too slow: every attempt times out
  npm run -s listen -- --port 0 --json | jq .type
`

type Settings = {
  port: number
  host: string
  path?: string
  secrets: string[]
  failures: number
  status: number
  delayMs: number
  json: boolean
}

/** One request that may be a webhook; `event` is absent when the body is not the event envelope. */
type Arrival = {
  receivedAt: Date
  messageId: string
  /** How many requests with this message id have come, this one included. */
  attempt: number
  verdict: { verified: boolean; why?: string }
  event?: WebhookEvent
  answer: number
}

class UsageError extends Error {}

const bodyBytesMax = 1_048_576
const delayMsMax = 600_000
const messagesRemembered = 10_000

function parseSettings(args: string[], environment: NodeJS.ProcessEnv): Settings | 'help' {
  const { values } = parseFlags(args)
  if (values.help) return 'help'
  const given = values.secret ?? environment.PSAPI_WEBHOOK_SECRETS?.split(' ').filter((text) => text !== '') ?? []
  for (const secret of given) {
    try {
      parseVerifyingKey(secret)
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error
      throw new UsageError(`${values.secret ? '--secret' : 'PSAPI_WEBHOOK_SECRETS'}: ${error.message}`)
    }
  }
  if (values.path !== undefined && !values.path.startsWith('/')) throw new UsageError('--path: must start with /')
  return {
    port: parseNumber('--port', values.port, 0, 65_535),
    host: values.host,
    path: values.path,
    secrets: given,
    failures: parseNumber('--fail', values.fail, 0, 1_000_000),
    status: parseNumber('--status', values.status, 200, 599),
    delayMs: parseDelay(values.delay),
    json: values.json,
  }
}

function parseFlags(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        port: { type: 'string', default: '3000' },
        host: { type: 'string', default: '127.0.0.1' },
        path: { type: 'string' },
        secret: { type: 'string', multiple: true },
        fail: { type: 'string', default: '0' },
        status: { type: 'string', default: '200' },
        delay: { type: 'string', default: '0ms' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
      throw new UsageError(error.message.replace(/\.\s.*/s, '')) // its first sentence names the flag
    }
    throw error
  }
}

function parseNumber(flag: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new UsageError(`${flag}: ${JSON.stringify(text)} is not a whole number from ${min} to ${max}`)
}

function parseDelay(text: string): number {
  const [, number, unit] = /^(\d+)(ms|s)$/.exec(text) ?? []
  const delayMs = Number(number) * (unit === 's' ? 1000 : 1)
  if (delayMs <= delayMsMax) return delayMs
  throw new UsageError(`--delay: ${JSON.stringify(text)} is not a time such as 250ms or 6s, up to 600s`)
}

/** Counts the requests of each message, for the latest messages only. */
function createAttemptCounter(): (messageId: string) => number {
  const attempts = new Map<string, number>()
  return (messageId) => {
    const attempt = (attempts.get(messageId) ?? 0) + 1
    attempts.delete(messageId)
    attempts.set(messageId, attempt)
    const [oldest] = attempts.keys()
    if (attempts.size > messagesRemembered && oldest !== undefined) attempts.delete(oldest)
    return attempt
  }
}

/** The whole body, or undefined when it is longer than 1 MiB. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    const bytes: Buffer = chunk
    length += bytes.length
    if (length > bodyBytesMax) return undefined
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}

async function judge(body: Buffer, request: IncomingMessage, secrets: string[]): Promise<Arrival['verdict']> {
  if (secrets.length === 0) return { verified: false, why: 'no secret given' }
  const verdict = await check(body, request.headers, { secrets })
  if (verdict.ok) return { verified: true }
  // These two are found behind a right signature.
  const verified = verdict.code === 'invalid_event' || verdict.code === 'invalid_json'
  return { verified, why: `${verdict.code}: ${verdict.message}` }
}

function readEvent(body: Buffer): WebhookEvent | undefined {
  try {
    return parseEvent(JSON.parse(body.toString()))
  } catch {
    return undefined
  }
}

function toJsonLine({ receivedAt, verdict, messageId, attempt, event, answer }: Arrival): string {
  const { id, type, timestamp, data } = event ?? {}
  const line = { receivedAt, ...verdict, messageId, attempt, eventId: id, type, timestamp, data, answer }
  return `${JSON.stringify(line)}\n`
}

function toTextLine({ receivedAt, verdict, messageId, attempt, event, answer }: Arrival): string {
  const data: Record<string, unknown> = event?.data ?? {}
  const columns = [
    receivedAt.toISOString(),
    event?.type ?? '(not an event)',
    messageId || '(no id)',
    ...['npn', 'runDate'].map((field) => (typeof data[field] === 'string' ? `${field} ${data[field]}` : undefined)),
    `attempt ${attempt}`,
    `answered ${answer}`,
    [verdict.verified ? 'verified' : 'not verified', verdict.why].filter(Boolean).join(': '),
  ]
  const line = columns.filter(Boolean).join('  ')
  return `${line.replace(/\p{Cc}/gu, '?')}\n` // anyone may have sent this: nothing in it may steer the terminal
}

/** Answers requests as the settings say, and prints those that are webhooks. */
function createListener(settings: Settings, stopping: AbortSignal) {
  const { path, secrets, failures, status, delayMs, json } = settings
  const countAttempt = createAttemptCounter()
  let arrivals = 0

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [asked] = (request.url ?? '').split('?')
    if (path !== undefined && asked !== path) return end(response, 404, `Webhooks are taken on ${path} only.\n`)
    if (request.method !== 'POST') return end(response, 405, 'Webhooks are sent by POST.\n')
    const body = await readBody(request)
    if (!body) return end(response.setHeader('connection', 'close'), 413, 'More than 1 MiB.\n')

    arrivals += 1
    const answer = arrivals <= failures ? 500 : status
    const messageId = String(request.headers['webhook-id'] ?? request.headers['svix-id'] ?? '')
    const attempt = countAttempt(messageId)
    const verdict = await judge(body, request, secrets)
    const arrival = { receivedAt: new Date(), messageId, attempt, verdict, event: readEvent(body), answer }
    process.stdout.write(json ? toJsonLine(arrival) : toTextLine(arrival))
    if (delayMs > 0) await setTimeout(delayMs, undefined, { signal: stopping })
    end(response, answer, '')
  }
}

function end(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(text)
}

/** Whether the connection failed, or was given up because this program is being stopped. */
function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['ECONNRESET', 'ABORT_ERR'].includes(String(error.code))
}

function urlOf({ address, family, port }: AddressInfo, path = '/'): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}${path}`
}

async function main(): Promise<void> {
  const settings = parseSettings(process.argv.slice(2), process.env)
  if (settings === 'help') {
    process.stdout.write(help)
    return
  }
  const stopping = new AbortController()
  const listener = createListener(settings, stopping.signal)
  const server = createServer((request, response) => {
    listener(request, response).catch((error: unknown) => {
      if (!isGone(error)) throw error
      response.destroy()
    })
  })
  const stop = () => {
    stopping.abort()
    server.close()
    server.closeAllConnections()
  }
  // not once: under npm, Ctrl-C comes twice, from the terminal and handed on
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  process.stdout.once('error', stop) // whoever was reading, such as `head`, has gone

  server.listen(settings.port, settings.host)
  await once(server, 'listening')
  const address = server.address()
  if (typeof address === 'object' && address) {
    process.stderr.write(`Listening on ${urlOf(address, settings.path)} – Ctrl-C stops.\n`)
  }
  if (settings.secrets.length === 0) {
    process.stderr.write('Nothing will be verified: give --secret, or set PSAPI_WEBHOOK_SECRETS.\n')
  }
}

/** What to say of an error that is the user's to mend; undefined for a bug. */
function explain(error: unknown): { exitCode: number; message: string } | undefined {
  if (error instanceof UsageError) return { exitCode: 2, message: `${error.message} (see --help)` }
  if (!(error instanceof Error && 'code' in error)) return undefined
  switch (error.code) {
    case 'EADDRINUSE':
      return { exitCode: 1, message: '--port: another program listens there already. Choose another, or 0 for any.' }
    case 'EACCES':
      return { exitCode: 1, message: '--port: you may not listen there. Choose one from 1024 up.' }
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return { exitCode: 1, message: '--host: this machine has no such address.' }
    default:
      return undefined
  }
}

try {
  await main()
} catch (error) {
  const explained = explain(error)
  if (!explained) throw error
  process.stderr.write(`listen: ${explained.message}\n`)
  process.exitCode = explained.exitCode
}
