import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { type Api, isJson, type Json } from '../api.ts'
import { EXIT, Failure, usageFailure } from '../failure.ts'
import { changing, examples } from '../frame.ts'
import { printObject, type Session } from '../session.ts'
import { readInput, type Terminal } from '../terminal.ts'
import { path } from './endpoint-path.ts'

/** In the place of an endpoint: a developer's `psapi listen`. */
const TO_LISTENER = 'cli'
const LISTENERS_MAX = 250
const ID_LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const ID_LENGTH = 27

type TriggerFlags = { to: string; npn?: string; data?: string; set?: [string, unknown][] }

export function addTrigger(program: Command, terminal: Terminal): void {
  program
    .command('trigger <type>')
    .description(
      'a test event, marked as one, to one endpoint or to psapi listen; the example of its type, or what you say',
    )
    .requiredOption('--to <endpoint>', 'id or uid of the endpoint; cli: to whoever listens')
    .option('--npn <npn>', 'about this producer')
    .option('--data <file>', "the event's data: a file with a JSON object, or - for stdin")
    .option('--set <member=value...>', 'one member of the data, such as a.b=1', collectMember)
    .addHelpText(
      'after',
      examples(
        'trigger producersync.npn.activated --to crm --npn 15645555',
        'trigger producersync.updates_available --to cli --set runDate=2026-03-06 --json',
      ),
    )
    .action(
      changing(
        terminal,
        (type: string, { to }: TriggerFlags) => `Send a test ${type} to ${to}`,
        async (session, type, flags) => {
          const payload = await payloadOf(session, type, flags)
          if (flags.to === TO_LISTENER) await sendToListener(session, { eventType: type, payload })
          else await sendTest(session, flags.to, { eventType: type, payload })
        },
      ),
    )
}

/** Sends a test, and waits for what its receiver answers. @throws Failure partly: it was sent, and not taken */
export async function sendTest(session: Session, endpoint: string, wish: Json): Promise<void> {
  const { api, flags } = session
  const { attempt, ...sent } = await api.object('POST', api.underAccount(`${path(endpoint)}/test-event`), {
    body: wish,
  })
  const made = isJson(attempt) ? attempt : null
  const failure = made && isJson(made.failure) ? made.failure : null
  if (flags.json) printObject(session, { ...sent, attempt })
  else
    printObject(session, {
      ...sent,
      ...{ code: made?.responseStatusCode ?? null, ms: made?.responseDurationMs ?? null },
      ...(failure ? { failure: failure.class } : {}),
    })
  if (made && !failure) return
  const advice =
    typeof failure?.advice === 'string' ? failure.advice : 'psapi deliveries list shows it once it is made.'
  const what = failure ? `The receiver did not take it: ${String(failure.title)}.` : 'No attempt was made in time.'
  const code = typeof failure?.class === 'string' ? failure.class : 'not_attempted'
  throw new Failure(what, { exit: EXIT.partly, code, hint: advice })
}

/** To the session that has begun last, of those that somebody listens to. */
async function sendToListener(session: Session, body: Json): Promise<void> {
  const { api } = session
  const sessions = api.underAccount('/cli-session')
  for await (const { id, connected } of api.rows(sessions, {}, LISTENERS_MAX)) {
    if (connected !== true) continue
    return printObject(session, await api.object('POST', `${sessions}/${String(id)}/test-event`, { body }))
  }
  throw new Failure('Nobody listens.', { exit: EXIT.notFound, code: 'not_found', hint: 'psapi listen' })
}

/** @returns undefined for the example of the type as it is */
async function payloadOf(session: Session, type: string, { npn, data: file, set = [] }: TriggerFlags) {
  if (npn === undefined && file === undefined && set.length === 0) return undefined
  const data = file === undefined ? await exampleOf(session.api, type) : await readData(session.terminal, file)
  for (const [member, value] of [...(npn === undefined ? [] : [['npn', npn] as const]), ...set]) {
    setMember(data, member.split('.'), value)
  }
  const id = Array.from(randomBytes(ID_LENGTH), (byte) => ID_LETTERS[byte % ID_LETTERS.length]).join('')
  return { id: `evt_${id}`, type, timestamp: new Date().toISOString(), data }
}

/** The data of the type's first example; without one there is nothing in it. */
async function exampleOf(api: Api, type: string): Promise<Json> {
  const { schemas } = await api.object('GET', `/api/v1/event-type/${encodeURIComponent(type)}`)
  if (!isJson(schemas)) return {}
  const [latest] = Object.keys(schemas).sort((a, b) => Number(b) - Number(a))
  const schema = latest === undefined ? undefined : schemas[latest]
  const [example] = isJson(schema) && Array.isArray(schema.examples) ? schema.examples : []
  return isJson(example) && isJson(example.data) ? example.data : {}
}

async function readData(terminal: Terminal, file: string): Promise<Json> {
  const text = file === '-' ? await readInput(terminal, '--data') : readText(file)
  try {
    const data: unknown = JSON.parse(text)
    if (isJson(data)) return data
  } catch {
    // said below
  }
  throw usageFailure('--data: it is not a JSON object.')
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw usageFailure(`--data: ${path} cannot be read.`)
  }
}

/** `a.b=1` → `['a.b', 1]`: JSON where it is some, else text. @throws Failure usage */
function collectMember(text: string, before: [string, unknown][] = []): [string, unknown][] {
  const at = text.indexOf('=')
  const member = text.slice(0, at)
  if (at <= 0 || member.split('.').some((part) => part === '' || part === '__proto__'))
    throw usageFailure(`--set takes member=value, not ${text}.`)
  const value = text.slice(at + 1)
  return [...before, [member, /^(?:-?\d{1,15}|true|false|null|[[{"].*)$/s.test(value) ? jsonOr(value) : value]]
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function setMember(object: Json, [first = '', ...rest]: string[], value: unknown): void {
  if (rest.length === 0) {
    object[first] = value
    return
  }
  const inner = object[first]
  const next: Json = isJson(inner) ? inner : {}
  object[first] = next
  setMember(next, rest, value)
}
