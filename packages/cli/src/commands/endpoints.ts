import { type Command, Option } from 'commander'
import type { Json } from '../api.ts'
import { usageFailure } from '../failure.ts'
import { changing, examples, reading } from '../frame.ts'
import { readSecret } from '../secret-reference.ts'
import { type ListFlags, printList, printObject, withListFlags } from '../session.ts'
import { note, type Terminal } from '../terminal.ts'
import { path } from './endpoint-path.ts'
import { addSignatureCheck } from './signature-check.ts'
import { sendTest } from './trigger.ts'

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
    .action(
      changing(
        terminal,
        ({ to }: EndpointFlags & { to: string }) => `Make an endpoint for ${to}`,
        async (session, flags) => {
          const secret = flags.secret === undefined ? undefined : await readSecret(terminal, '--secret', flags.secret)
          const body = { ...bodyOf({ ...flags, url: flags.to }), secret }
          printObject(session, await session.api.object('POST', session.api.underAccount('/endpoint'), { body }))
        },
      ),
    )

  withEndpointFlags(endpoints.command('update <endpoint>').description('change what is named, and nothing else'))
    .option('--to <url>', 'where to send')
    .addHelpText(
      'after',
      examples('endpoints update crm --events all', 'endpoints update crm --to https://example.com/new'),
    )
    .action(
      changing(
        terminal,
        (endpoint: string, flags: EndpointFlags & { to?: string }) => {
          if (Object.keys(bodyOf({ ...flags, url: flags.to })).length === 0)
            throw usageFailure('Nothing to change is named.', 'psapi endpoints update --help')
          return `Change the endpoint ${endpoint}`
        },
        async (session, endpoint, flags) => {
          const body = bodyOf({ ...flags, url: flags.to })
          printObject(session, await session.api.object('PATCH', session.api.underAccount(path(endpoint)), { body }))
        },
      ),
    )

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
    .option('--set <header...>', '"name: value"', collectHeader)
    .addHelpText('after', examples('endpoints headers crm', 'endpoints headers crm --set "x-team: blue"'))
    .action(
      changing(
        terminal,
        (endpoint: string, { set }: { set?: Record<string, string> }) => set && `Replace the headers of ${endpoint}`,
        async (session, endpoint, { set: headers }) => {
          const target = session.api.underAccount(`${path(endpoint)}/headers`)
          if (headers) await session.api.call('PUT', target, { body: { headers } })
          printObject(session, await session.api.object('GET', target))
        },
      ),
    )

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
    .addOption(
      new Option('--overlap <duration>', 'such as 24h, 30m, 0').argParser(parseDuration).default(24 * HOURS, '24h'),
    )
    .addHelpText('after', examples('endpoints rotate crm', 'endpoints rotate crm --overlap 0 --yes'))
    .action(
      changing(
        terminal,
        (endpoint: string, _flags: { overlap: number }) => `Rotate the secret of ${endpoint}`,
        async ({ api }, endpoint, { overlap: gracePeriodSeconds }) => {
          await api.call('POST', api.underAccount(`${path(endpoint)}/secret/rotate`), { body: { gracePeriodSeconds } })
          note(terminal, `rotated; psapi endpoints secret ${endpoint} --reveal prints the new secret`)
        },
      ),
    )

  endpoints
    .command('test <endpoint>')
    .description('send the example of an event type, marked as a test')
    .option('--type <type>', 'event type', 'webhook.ping')
    .addHelpText('after', examples('endpoints test crm', 'endpoints test crm --type producersync.npn.activated'))
    .action(
      changing(
        terminal,
        (endpoint: string, _flags: { type: string }) => `Send a test to ${endpoint}`,
        (session, endpoint, { type: eventType }) => sendTest(session, endpoint, { eventType }),
      ),
    )
  addSignatureCheck(endpoints, terminal)
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

/** @throws Failure usage */
function collectHeader(line: string, before: Record<string, string> = {}): Record<string, string> {
  const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(line) ?? []
  if (name === undefined || value === undefined) throw usageFailure(`--set takes "name: value", not ${line}.`)
  return { ...before, [name]: value }
}

/** @returns seconds */
function parseDuration(text: string): number {
  const [, number, unit = 's'] = /^(\d+)(s|m|h|d)?$/.exec(text) ?? []
  if (number === undefined) throw usageFailure(`--overlap: ${text} is no duration.`, 'Such as 24h, 30m, 0.')
  return Number(number) * ({ s: 1, m: 60, h: HOURS, d: 24 * HOURS }[unit] ?? 1)
}
