import type { Command } from 'commander'
import type { Json } from '../api.ts'
import { changing, examples, reading } from '../frame.ts'
import { type ListFlags, printList, printObject, printRowsOf, type Session, withListFlags } from '../session.ts'
import { note, type Terminal } from '../terminal.ts'
import { path } from './endpoint-path.ts'

const attemptColumns = [
  ['time', 'timestamp'],
  ['status', 'statusText'],
  ['code', 'responseStatusCode'],
  ['ms', 'responseDurationMs'],
  ['endpoint', 'endpointId'],
  ['event', 'msgId'],
] as const

type EventFlags = { type?: string; npn?: string; state?: string; from?: string; to?: string }

export function addEvents(program: Command, terminal: Terminal): void {
  const events = program.command('events').description('what happened: accepted events')

  withListFlags(events.command('list').description('events, newest first'))
    .option('--type <types>', 'comma-separated event types and groups')
    .option('--npn <npn>', 'about this producer')
    .option(
      '--state <states>',
      'with a delivery that is so: waiting, sending, retrying, delivered, exhausted, canceled',
    )
    .option('--from <time>', 'not before, RFC 3339')
    .option('--to <time>', 'before, RFC 3339')
    .addHelpText('after', examples('events list', 'events list --type producersync.npn.activated --limit 5 --json'))
    .action(
      reading(terminal, async (session, flags: ListFlags & EventFlags) => {
        await printRowsOf(session, (rowsMax) => eventsOf(session, flags, rowsMax), flags, [
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
    .option('--timeline', 'what became of it at every endpoint instead')
    .addHelpText('after', examples('events get msg_3AZ', 'events get msg_3AZ --attempts'))
    .action(
      reading(terminal, async (session, event: string, flags: { attempts?: true; timeline?: true }) => {
        const { api } = session
        const address = api.underAccount(`/msg/${encodeURIComponent(event)}`)
        if (flags.timeline) return printObject(session, await api.object('GET', `${address}/timeline`))
        if (flags.attempts) {
          const list = api.underAccount(`/attempt/msg/${encodeURIComponent(event)}`)
          return await printList(session, list, { expanded_statuses: true }, { limit: '250' }, attemptColumns)
        }
        printObject(session, await api.object('GET', address))
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

/** Newest first. Those of a state are found by their deliveries, and read one by one. */
async function* eventsOf({ api }: Session, flags: EventFlags, rowsMax: number): AsyncGenerator<Json> {
  const { type, npn, state, from, to } = flags
  const path = api.underAccount('/msg')
  if (state === undefined) {
    yield* api.rows(path, { event_types: type, npn, after: from, before: to }, rowsMax)
    return
  }
  const seen = new Set<string>()
  for await (const { msgId } of api.rows(api.underAccount('/delivery'), { state, type, npn, from, to }, Infinity)) {
    if (typeof msgId !== 'string' || seen.has(msgId)) continue
    seen.add(msgId)
    yield await api.object('GET', `${path}/${encodeURIComponent(msgId)}`)
    if (seen.size >= rowsMax) return
  }
}
