import { setTimeout as wait } from 'node:timers/promises'
import { type Command, Option } from 'commander'
import { isJson, type Json, timeoutMsOf } from '../api.ts'
import { EXIT, Failure } from '../failure.ts'
import { changing, examples, reading } from '../frame.ts'
import { type ListFlags, printList, printObject, printRows, type Session, withListFlags } from '../session.ts'
import { confirm, note, type Terminal } from '../terminal.ts'
import { type FilterFlags, filterBody, withFilterFlags } from './delivery-filter.ts'

const POLL_MS = 500
const WAIT_SECONDS_DEFAULT = 3_600

/** Words of the API. */
const KINDS = { recover: 'recover', missing: 'replay-missing', all: 'bulk-replay' } as const

type WishFlags = FilterFlags & { kind: keyof typeof KINDS; endpoint?: string; retry?: string }
type MannerFlags = { rate?: string; order?: string; wait?: true }

export function addReplay(program: Command, terminal: Terminal): void {
  const replay = program.command('replay').description('send many events once more')

  withWishFlags(replay.command('preview').description('count what a replay would send; changes nothing'))
    .addHelpText(
      'after',
      examples(
        'replay preview --kind recover --endpoint crm --from 2026-03-06T00:00:00Z',
        'replay preview --kind all --class timeout --json',
      ),
    )
    .action(reading(terminal, async (session, flags: WishFlags) => printObject(session, await preview(session, flags))))

  withWishFlags(replay.command('start').description('count, ask, and start exactly that; one replay for each endpoint'))
    .option('--rate <number>', 'deliveries a second at most (50)')
    .option('--order <order>', 'oldest or newest first')
    .option('--wait', 'until all have ended')
    .addHelpText(
      'after',
      examples(
        'replay start --kind recover --endpoint crm --from 2026-03-06T00:00:00Z',
        'replay start --kind missing --from 2026-03-06T00:00:00Z --wait --yes',
      ),
    )
    .action(reading(terminal, start))

  withListFlags(replay.command('list').description('replays, newest first'))
    .addHelpText('after', examples('replay list', 'replay list --json'))
    .action(
      reading(terminal, async (session, flags: ListFlags) => {
        await printList(session, session.api.underAccount('/replay'), {}, flags, [
          ['id', 'id'],
          ['kind', 'kind'],
          ['endpoint', 'endpointId'],
          ['status', 'status'],
          ['done', 'done'],
          ['failed', 'failed'],
          ['total', 'total'],
        ])
      }),
    )

  replay
    .command('status <task>')
    .description('how far one is')
    .option('--wait', 'until it has ended')
    .addHelpText('after', examples('replay status qtask_2Zx', 'replay status qtask_2Zx --wait --timeout 60'))
    .action(
      reading(terminal, async (session, id: string, flags: { wait?: true }) => {
        const one = await readReplay(session, id)
        const last = flags.wait ? await waitForReplay(session, one) : one
        printObject(session, last)
        failUnlessWell([last])
      }),
    )

  for (const [word, what] of [
    ['pause', 'Pause'],
    ['resume', 'Resume'],
    ['cancel', 'Cancel'],
  ] as const) {
    const command = replay.command(`${word} <task>`).description(`${word} one`)
    command.addHelpText('after', examples(`replay ${word} qtask_2Zx`, `replay ${word} qtask_2Zx --yes --json`)).action(
      changing(
        terminal,
        (id: string) => `${what} ${id}`,
        async (session, id) => {
          await session.api.call('POST', `/api/v1/background-task/${encodeURIComponent(id)}/${word}`)
          printObject(session, await readReplay(session, id))
        },
      ),
    )
  }
}

function withWishFlags(command: Command): Command {
  return withFilterFlags(command)
    .addOption(
      new Option('--kind <kind>', 'recover: what failed for good; missing: what was never sent; all')
        .choices(Object.keys(KINDS))
        .makeOptionMandatory(),
    )
    .option('--endpoint <endpoint>', 'id or uid; several separated by commas; default all')
    .option('--retry <retry>', 'none: one attempt each; schedule')
}

async function preview({ api }: Session, flags: WishFlags): Promise<Json> {
  const { kind, endpoint, retry } = flags
  const body = { kind: KINDS[kind], endpointIds: endpoint?.split(','), retry, filter: filterBody(flags) }
  return await api.object('POST', api.underAccount('/replay/preview'), { body })
}

async function start(session: Session, flags: WishFlags & MannerFlags): Promise<void> {
  const { api, terminal } = session
  const { previewId, count, capped } = await preview(session, flags)
  const said = `${String(count)}${capped === true ? ' or more' : ''} deliveries`
  note(terminal, `dry run: ${said}`)
  await confirm(terminal, `Replay ${said}?`, session.flags.yes === true || (await api.environment()) === 'sandbox')
  const rate = flags.rate === undefined ? undefined : Number(flags.rate)
  const { data } = await api.object('POST', api.underAccount('/replay'), {
    body: { previewId, rate, order: flags.order },
  })
  const started = Array.isArray(data) ? data.filter(isJson) : []
  const replays: Json[] = []
  for (const one of started) replays.push(flags.wait ? await waitForReplay(session, one) : one)
  printRows(session, replays, [
    ['id', 'id'],
    ['endpoint', 'endpointId'],
    ['status', 'status'],
    ['done', 'done'],
    ['failed', 'failed'],
  ])
  failUnlessWell(replays)
}

async function readReplay({ api }: Session, id: string): Promise<Json> {
  return await api.object('GET', api.underAccount(`/replay/${encodeURIComponent(id)}`))
}

async function waitForReplay(session: Session, replay: Json): Promise<Json> {
  const hasEnded = ({ status, waiting }: Json) => status !== 'running' && waiting === 0
  return await waitFor(session, replay, hasEnded, () => readReplay(session, String(replay.id)))
}

function failUnlessWell(replays: readonly Json[]): void {
  if (replays.every(({ status }) => status !== 'failed')) return
  throw new Failure('A replay has failed.', { exit: EXIT.partly, code: 'task_failed' })
}

/** Reads anew until it has ended. @throws Failure timed_out after --timeout, an hour by default */
export async function waitFor(
  { flags, terminal }: Session,
  first: Json,
  hasEnded: (one: Json) => boolean,
  readAgain: () => Promise<Json>,
): Promise<Json> {
  const deadline = performance.now() + timeoutMsOf(flags, WAIT_SECONDS_DEFAULT)
  let one = first
  while (!hasEnded(one)) {
    if (performance.now() > deadline) {
      throw new Failure(`${String(one.id)} has not ended in time.`, { exit: EXIT.timedOut, code: 'timed_out' })
    }
    await wait(POLL_MS)
    one = await readAgain()
  }
  note(terminal, `${String(one.id)} has ended`)
  return one
}
