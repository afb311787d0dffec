import { type Command, Option } from 'commander'
import { type Api, isJson, type Json } from '../api.ts'
import { EXIT, Failure, usageFailure } from '../failure.ts'
import { changing, examples, reading } from '../frame.ts'
import { type ListFlags, printList, printObject, withListFlags } from '../session.ts'
import { note, type Terminal } from '../terminal.ts'
import { type FilterFlags, filterQuery, withFilterFlags } from './delivery-filter.ts'
import { path } from './endpoint-path.ts'

const DELIVERY = /^(msg_[0-9A-Za-z]{27}):(ep_[0-9A-Za-z]{27})$/

export function addDeliveries(program: Command, terminal: Terminal): void {
  const deliveries = program.command('deliveries').description('one event on its way to one endpoint')

  withFilterFlags(
    withListFlags(deliveries.command('list').description('deliveries with their last attempts, newest first')),
  )
    .option('--endpoint <endpoint>', 'id or uid')
    .addHelpText(
      'after',
      examples('deliveries list --state exhausted', 'deliveries list --endpoint crm --class timeout --json'),
    )
    .action(
      reading(terminal, async (session, flags: ListFlags & FilterFlags & { endpoint?: string }) => {
        const query = { ...filterQuery(flags), endpoint: flags.endpoint }
        await printList(session, session.api.underAccount('/delivery'), query, flags, [
          ['delivery', 'id'],
          ['state', 'state'],
          ['type', 'eventType'],
          ['npn', 'npn'],
          ['occurred', 'occurredAt'],
          ['result', ({ lastAttempt }) => resultOf(lastAttempt)],
          ['next attempt', 'nextAttempt'],
        ])
      }),
    )

  deliveries
    .command('get <delivery>')
    .description('one delivery with its last attempt, by its id, msg_…:ep_…')
    .addHelpText('after', examples('deliveries get msg_3AZ:ep_2Zx', 'deliveries get msg_3AZ:ep_2Zx --json'))
    .action(
      reading(terminal, async (session, delivery: string) => {
        const { msg: q, endpoint } = parseDelivery(delivery)
        const list = session.api.underAccount('/delivery')
        for await (const row of session.api.rows(list, { q, endpoint }, 1)) return printObject(session, row)
        throw new Failure('There is no such delivery.', { exit: EXIT.notFound, code: 'not_found' })
      }),
    )

  for (const [word, effect, done] of [
    ['retry', 'make the next attempt of one now', 'the next attempt is made now'],
    ['cancel', 'cancel what is planned of one', 'canceled'],
  ] as const) {
    const command = deliveries.command(`${word} <delivery>`).description(effect)
    command
      .addHelpText('after', examples(`deliveries ${word} msg_3AZ:ep_2Zx`, `deliveries ${word} msg_3AZ:ep_2Zx --yes`))
      .action(
        changing(
          terminal,
          (delivery: string) => `${word === 'retry' ? 'Retry' : 'Cancel'} ${delivery}`,
          async ({ api }, delivery) => {
            await api.call('POST', `${pathOf(api, delivery)}/${word}`)
            note(terminal, done)
          },
        ),
      )
  }

  withFilterFlags(deliveries.command('export').description('deliveries as a file, on stdout'))
    .option('--endpoint <endpoint>', 'id or uid')
    .addOption(new Option('--format <format>', 'of the file').choices(['csv', 'ndjson']).default('csv'))
    .addHelpText(
      'after',
      examples('deliveries export > deliveries.csv', 'deliveries export --state exhausted --format ndjson'),
    )
    .action(
      reading(terminal, async ({ api }, flags: FilterFlags & { endpoint?: string; format: string }) => {
        const query = { ...filterQuery(flags), endpoint: flags.endpoint, format: flags.format }
        const whole = new AbortController()
        for await (const chunk of await api.stream(api.underAccount('/delivery/export'), {
          query,
          signal: whole.signal,
        })) {
          terminal.stdout.write(chunk)
        }
      }),
    )
}

/** @throws Failure usage */
function parseDelivery(text: string): { msg: string; endpoint: string } {
  const [, msg, endpoint] = DELIVERY.exec(text) ?? []
  if (msg !== undefined && endpoint !== undefined) return { msg, endpoint }
  throw usageFailure(`${text} is no delivery.`, 'As psapi deliveries list shows them: msg_…:ep_….')
}

function pathOf(api: Api, delivery: string): string {
  const { msg, endpoint } = parseDelivery(delivery)
  return api.underAccount(`/msg/${msg}${path(endpoint)}`)
}

function resultOf(attempt: unknown): unknown {
  if (!isJson(attempt)) return null
  const { responseStatusCode: code, failure }: Json = attempt
  return code === 0 && isJson(failure) ? failure.class : code
}
