import type { Command } from 'commander'
import type { Json } from '../api.ts'
import { usageFailure } from '../failure.ts'
import { changing, examples, reading } from '../frame.ts'
import {
  announce,
  announceChange,
  type ListFlags,
  openSession,
  printList,
  printObject,
  withListFlags,
} from '../session.ts'
import { note, type Terminal } from '../terminal.ts'
import { path } from './endpoints.ts'

const attemptColumns = [
  ['time', 'timestamp'],
  ['status', 'statusText'],
  ['code', 'responseStatusCode'],
  ['ms', 'responseDurationMs'],
  ['endpoint', 'endpointId'],
  ['event', 'msgId'],
] as const

export function addEvents(program: Command, terminal: Terminal): void {
  const events = program.command('events').description('what happened: accepted events')

  withListFlags(events.command('list').description('events, newest first'))
    .option('--type <types>', 'comma-separated event types and groups')
    .option('--from <time>', 'not before, RFC 3339')
    .option('--to <time>', 'before, RFC 3339')
    .addHelpText('after', examples('events list', 'events list --type producersync.npn.activated --limit 5 --json'))
    .action(
      reading(terminal, async (session, flags: ListFlags & { type?: string; from?: string; to?: string }) => {
        const query = { event_types: flags.type, after: flags.from, before: flags.to }
        await printList(session, session.api.underAccount('/msg'), query, flags, [
          ['id', 'id'],
          ['type', 'eventType'],
          ['time', 'timestamp'],
          ['event id', 'eventId'],
        ])
      }),
    )

  events
    .command('get <event>')
    .description('one event with its payload, by message id or your event id')
    .option('--attempts', 'every request made for it instead')
    .addHelpText('after', examples('events get msg_3AZ', 'events get msg_3AZ --attempts'))
    .action(
      reading(terminal, async (session, event: string, flags: { attempts?: true }) => {
        const { api } = session
        if (flags.attempts) {
          const list = api.underAccount(`/attempt/msg/${encodeURIComponent(event)}`)
          return await printList(session, list, { expanded_statuses: true }, { limit: '250' }, attemptColumns)
        }
        printObject(session, await api.object('GET', api.underAccount(`/msg/${encodeURIComponent(event)}`)))
      }),
    )

  events
    .command('replay <event>')
    .description('send one event once more to one endpoint, under the same id')
    .requiredOption('--to <endpoint>', 'id or uid of the endpoint')
    .addHelpText('after', examples('events replay msg_3AZ --to crm', 'events replay msg_3AZ --to crm --yes'))
    .action(
      changing(
        terminal,
        (event: string, flags: { to: string }) => `Send ${event} to ${flags.to} once more`,
        async ({ api }, event, { to }) => {
          await api.call('POST', api.underAccount(`/msg/${encodeURIComponent(event)}${path(to)}/resend`))
          note(terminal, `planned; psapi events get ${event} --attempts shows how it goes`)
        },
      ),
    )

  const deliveries = program.command('deliveries').description('one event on its way to one endpoint')

  withListFlags(
    deliveries.command('list').description('how the events of an endpoint, or one event with each endpoint, stand'),
  )
    .option('--endpoint <endpoint>', 'the latest attempt of each of its events')
    .option('--event <event>', 'each endpoint it went to or is planned for')
    .option('--state <state>', 'of an endpoint: delivered, pending, failed, retrying, canceled')
    .addHelpText('after', examples('deliveries list --endpoint crm --state failed', 'deliveries list --event msg_3AZ'))
    .action(async (flags: ListFlags & DeliveryFlags, command: Command) => {
      const query = { expanded_statuses: true, status: stateNumber(flags) }
      const session = openSession(terminal, command)
      await announce(session)
      if (flags.event !== undefined) {
        const list = session.api.underAccount(`/msg/${encodeURIComponent(flags.event)}/endpoint`)
        return await printList(session, list, query, flags, [
          ['endpoint', 'id'],
          ['status', 'statusText'],
          ['next attempt', 'nextAttempt'],
          ['url', 'url'],
        ])
      }
      const list = session.api.underAccount(`${path(String(flags.endpoint))}/msg`)
      await printList(session, list, query, flags, [
        ['event', 'id'],
        ['type', 'eventType'],
        ['time', 'timestamp'],
        ['status', 'statusText'],
        ['next attempt', 'nextAttempt'],
      ])
    })

  deliveries
    .command('cancel')
    .description('cancel what is planned for an endpoint')
    .requiredOption('--endpoint <endpoint>', 'id or uid')
    .requiredOption('--before <time>', 'deliveries of events accepted before, RFC 3339')
    .addHelpText(
      'after',
      examples(
        'deliveries cancel --endpoint crm --before 2026-03-06T15:00:00Z',
        'deliveries cancel --endpoint crm --before 2026-03-06T15:00:00Z --yes',
      ),
    )
    .action(async (flags: { endpoint: string; before: string }, command: Command) => {
      const session = openSession(terminal, command)
      await announceChange(session, `Cancel what is planned for ${flags.endpoint}`)
      const target = session.api.underAccount(`${path(flags.endpoint)}/cancel-msgs`)
      await session.api.call('POST', target, { body: { createdBefore: flags.before } satisfies Json })
      note(terminal, 'canceled')
    })
}

type DeliveryFlags = { endpoint?: string; event?: string; state?: string }

const states: Record<string, number> = { delivered: 0, pending: 1, failed: 2, retrying: 3, canceled: 4 }

function stateNumber({ endpoint, event, state }: DeliveryFlags): number | undefined {
  if ((endpoint === undefined) === (event === undefined)) throw usageFailure('Name --endpoint or --event, one of them.')
  if (state === undefined) return undefined
  if (event !== undefined) throw usageFailure('--state goes with --endpoint.')
  const number = states[state]
  if (number === undefined) throw usageFailure(`--state takes one of ${Object.keys(states).join(', ')}.`)
  return number
}
