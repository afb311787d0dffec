import type { Command } from 'commander'
import type { Json } from '../api.ts'
import { EXIT, Failure, usageFailure } from '../failure.ts'
import { changing, examples, reading } from '../frame.ts'
import { readSecret } from '../secret-reference.ts'
import {
  announce,
  announceChange,
  type ListFlags,
  openSession,
  printList,
  printObject,
  type Session,
  withListFlags,
} from '../session.ts'
import { note, type Terminal } from '../terminal.ts'

type EndpointFlags = {
  url?: string
  description?: string
  uid?: string
  events?: string
  rate?: string
  secret?: string
  disabled?: true
}

const HOURS = 3_600
/** In the place of an endpoint: a developer's `psapi listen`. */
const TO_LISTENER = 'cli'
const LISTENERS_MAX = 250

export function addEndpoints(program: Command, terminal: Terminal): void {
  const endpoints = program.command('endpoints').description('where events go')

  withListFlags(endpoints.command('list').description('all endpoints, newest first'))
    .addHelpText('after', examples('endpoints list', 'endpoints list --json --all'))
    .action(
      reading(terminal, async (session, flags: ListFlags) => {
        await printList(session, session.api.underAccount('/endpoint'), {}, flags, [
          ['id', 'id'],
          ['url', 'url'],
          ['state', stateOf],
          ['events', ({ eventTypes }) => (Array.isArray(eventTypes) ? eventTypes.join(' ') : 'all')],
          ['failing since', 'failingSince'],
        ])
      }),
    )

  endpoints
    .command('get <endpoint>')
    .description('one endpoint, by id or uid')
    .addHelpText('after', examples('endpoints get crm', 'endpoints get ep_2Zx --json'))
    .action(
      reading(terminal, async (session, endpoint: string) => {
        printObject(session, await session.api.object('GET', session.api.underAccount(path(endpoint))))
      }),
    )

  withEndpointFlags(endpoints.command('create').description('make an endpoint; it gets a test request at once'))
    .requiredOption('--to <url>', 'where to send')
    .option('--secret <reference>', 'signing secret of your own: env:NAME, file:PATH or -')
    .addHelpText(
      'after',
      examples(
        'endpoints create --to https://example.com/hooks',
        'endpoints create --to https://example.com/hooks --events producersync --uid crm',
      ),
    )
    .action(async (flags: EndpointFlags & { to: string }, command: Command) => {
      const session = openSession(terminal, command)
      const secret = flags.secret === undefined ? undefined : await readSecret(terminal, '--secret', flags.secret)
      const body = { ...bodyOf({ ...flags, url: flags.to }), ...(secret === undefined ? {} : { secret }) }
      await announceChange(session, `Make an endpoint for ${flags.to}`)
      printObject(session, await session.api.object('POST', session.api.underAccount('/endpoint'), { body }))
    })

  withEndpointFlags(endpoints.command('update <endpoint>').description('change what is named, and nothing else'))
    .option('--to <url>', 'where to send')
    .addHelpText(
      'after',
      examples('endpoints update crm --events all', 'endpoints update crm --to https://example.com/new'),
    )
    .action(async (endpoint: string, flags: EndpointFlags & { to?: string }, command: Command) => {
      const body = bodyOf({ ...flags, url: flags.to })
      if (Object.keys(body).length === 0)
        throw usageFailure('Nothing to change is named.', 'psapi endpoints update --help')
      const session = openSession(terminal, command)
      await announceChange(session, `Change the endpoint ${endpoint}`)
      printObject(session, await session.api.object('PATCH', session.api.underAccount(path(endpoint)), { body }))
    })

  for (const [word, disabled, effect] of [
    ['enable', false, 'send to it again'],
    ['disable', true, 'stop sending to it, and cancel what is planned'],
  ] as const) {
    endpoints
      .command(`${word} <endpoint>`)
      .description(effect)
      .addHelpText('after', examples(`endpoints ${word} crm`, `endpoints ${word} crm --yes --json`))
      .action(
        changing(
          terminal,
          (endpoint: string) => `${disabled ? 'Disable' : 'Enable'} the endpoint ${endpoint}`,
          async (session, endpoint) => {
            const target = session.api.underAccount(path(endpoint))
            printObject(session, await session.api.object('PATCH', target, { body: { disabled } }))
          },
        ),
      )
  }

  endpoints
    .command('delete <endpoint>')
    .description('delete it, and cancel what is planned')
    .addHelpText('after', examples('endpoints delete crm', 'endpoints delete crm --yes'))
    .action(
      changing(
        terminal,
        (endpoint: string) => `Delete the endpoint ${endpoint}`,
        async ({ api }, endpoint) => {
          await api.call('DELETE', api.underAccount(path(endpoint)))
          note(terminal, 'deleted')
        },
      ),
    )

  endpoints
    .command('headers <endpoint>')
    .description('headers that are sent with each webhook; --set replaces all of them')
    .option('--set <header...>', '"name: value"')
    .addHelpText('after', examples('endpoints headers crm', 'endpoints headers crm --set "x-team: blue"'))
    .action(async (endpoint: string, flags: { set?: string[] }, command: Command) => {
      const headers = flags.set && parseHeaders(flags.set)
      const session = openSession(terminal, command)
      const target = session.api.underAccount(`${path(endpoint)}/headers`)
      if (headers) {
        await announceChange(session, `Replace the headers of ${endpoint}`)
        await session.api.call('PUT', target, { body: { headers } })
      } else {
        await announce(session)
      }
      printObject(session, await session.api.object('GET', target))
    })

  endpoints
    .command('secret <endpoint>')
    .description('the signing secret: its last characters, or with --reveal all of it')
    .option('--reveal', 'print it')
    .addHelpText('after', examples('endpoints secret crm', 'endpoints secret crm --reveal'))
    .action(
      reading(terminal, async (session, endpoint: string, flags: { reveal?: true }) => {
        const { key } = await session.api.object('GET', session.api.underAccount(`${path(endpoint)}/secret`))
        const secret = String(key)
        const shown = flags.reveal ? secret : `${secret.slice(0, 6)}…${secret.slice(-4)}`
        if (session.flags.json) printObject(session, { key: shown })
        else terminal.stdout.write(`${shown}\n`)
      }),
    )

  endpoints
    .command('rotate <endpoint>')
    .description('a new signing secret; the old one signs too while they overlap')
    .option('--overlap <duration>', 'such as 24h, 30m, 0', '24h')
    .addHelpText('after', examples('endpoints rotate crm', 'endpoints rotate crm --overlap 0 --yes'))
    .action(async (endpoint: string, flags: { overlap: string }, command: Command) => {
      const gracePeriodSeconds = parseDuration(flags.overlap)
      const session = openSession(terminal, command)
      await announceChange(session, `Rotate the secret of ${endpoint}`)
      const target = session.api.underAccount(`${path(endpoint)}/secret/rotate`)
      await session.api.call('POST', target, { body: { gracePeriodSeconds } })
      note(terminal, `rotated; psapi endpoints secret ${endpoint} --reveal prints the new secret`)
    })

  endpoints
    .command('test <endpoint>')
    .description('send the example of an event type, marked as a test')
    .option('--type <type>', 'event type', 'webhook.ping')
    .addHelpText('after', examples('endpoints test crm', 'endpoints test crm --type producersync.npn.activated'))
    .action(async (endpoint: string, flags: { type: string }, command: Command) => {
      await sendExample(terminal, command, endpoint, flags.type)
    })

  program
    .command('trigger <type>')
    .description('the example of an event type, sent to one endpoint or to psapi listen, marked as a test')
    .requiredOption('--to <endpoint>', 'id or uid of the endpoint; cli: to whoever listens')
    .addHelpText(
      'after',
      examples('trigger producersync.npn.activated --to crm', 'trigger webhook.ping --to cli --json'),
    )
    .action(async (type: string, flags: { to: string }, command: Command) => {
      if (flags.to === TO_LISTENER) await sendToListener(openSession(terminal, command), type)
      else await sendExample(terminal, command, flags.to, type)
    })
}

/** To the session that has begun last, of those that somebody listens to. */
async function sendToListener(session: Session, eventType: string): Promise<void> {
  const { api } = session
  await announce(session)
  const sessions = api.underAccount('/cli-session')
  for await (const { id, connected } of api.rows(sessions, {}, LISTENERS_MAX)) {
    if (connected !== true) continue
    return printObject(
      session,
      await api.object('POST', `${sessions}/${String(id)}/test-event`, { body: { eventType } }),
    )
  }
  throw new Failure('Nobody listens.', { exit: EXIT.notFound, code: 'not_found', hint: 'psapi listen' })
}

async function sendExample(terminal: Terminal, command: Command, endpoint: string, eventType: string): Promise<void> {
  const session = openSession(terminal, command)
  await announceChange(session, `Send a test to ${endpoint}`)
  const target = session.api.underAccount(`${path(endpoint)}/send-example`)
  printObject(session, await session.api.object('POST', target, { body: { eventType } }))
}

export function path(endpoint: string): string {
  return `/endpoint/${encodeURIComponent(endpoint)}`
}

function withEndpointFlags(command: Command): Command {
  return command
    .option('--events <types>', 'comma-separated event types and groups, or all')
    .option('--description <text>')
    .option('--uid <uid>', 'a name of your own')
    .option('--rate <number>', 'requests a second at most')
}

function bodyOf({ url, description, uid, events, rate }: EndpointFlags): Json {
  const body: Json = {}
  if (url !== undefined) body.url = url
  if (description !== undefined) body.description = description
  if (uid !== undefined) body.uid = uid
  if (events !== undefined) body.eventTypes = events === 'all' ? null : events.split(',').map((type) => type.trim())
  if (rate !== undefined) body.throttleRate = Number(rate)
  return body
}

function stateOf({ disabled, disabledReason }: Json): string {
  if (disabled !== true) return 'enabled'
  return typeof disabledReason === 'string' ? `disabled (${disabledReason})` : 'disabled'
}

function parseHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const line of lines) {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(line) ?? []
    if (name === undefined || value === undefined) throw usageFailure(`--set takes "name: value", not ${line}.`)
    headers[name] = value
  }
  return headers
}

/** @returns seconds */
function parseDuration(text: string): number {
  const [, number, unit = 's'] = /^(\d+)(s|m|h|d)?$/.exec(text) ?? []
  if (number === undefined) throw usageFailure(`--overlap: ${text} is no duration.`, 'Such as 24h, 30m, 0.')
  return Number(number) * ({ s: 1, m: 60, h: HOURS, d: 24 * HOURS }[unit] ?? 1)
}
