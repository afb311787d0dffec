import type { Command } from 'commander'
import { changing, examples, reading } from '../frame.ts'
import { type ListFlags, printList, printObject, withListFlags } from '../session.ts'
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
}
