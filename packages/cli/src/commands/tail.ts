import type { Command } from 'commander'
import { isJson, type Json } from '../api.ts'
import { usageFailure } from '../failure.ts'
import { follow, type StreamMessage } from '../follow.ts'
import { examples, reading } from '../frame.ts'
import type { Session } from '../session.ts'
import { shownValue } from '../session.ts'
import { note, type Terminal } from '../terminal.ts'

/** Words for states, and the states of the API that each stands for. */
const STATES: Readonly<Record<string, readonly string[]>> = {
  waiting: ['waiting'],
  retrying: ['retrying'],
  delivered: ['delivered'],
  exhausted: ['exhausted'],
  canceled: ['canceled'],
  failed: ['retrying', 'exhausted'],
}

type TailFlags = { state?: string; type?: string; endpoint?: string; exitAfter?: string }

export function addTail(program: Command, terminal: Terminal): void {
  program
    .command('tail')
    .description('deliveries as they happen: one line for each change')
    .option('--state <state>', `only these: ${Object.keys(STATES).join(', ')}`)
    .option('--type <types>', 'comma-separated event types')
    .option('--endpoint <endpoint>', 'id of an endpoint')
    .option('--exit-after <number>', 'end after so many lines')
    .addHelpText('after', examples('tail --state failed', 'tail --type producersync.npn.activated --json'))
    .action(reading(terminal, tail))
}

async function tail(session: Session, flags: TailFlags): Promise<void> {
  const { api, terminal } = session
  const states = flags.state === undefined ? undefined : STATES[flags.state]
  if (flags.state !== undefined && !states)
    throw usageFailure(`--state takes one of ${Object.keys(STATES).join(', ')}.`)
  const types = flags.type?.split(',').map((type) => type.trim())
  const exitAfter = flags.exitAfter === undefined ? Number.POSITIVE_INFINITY : Number(flags.exitAfter)
  if (!(exitAfter >= 1)) throw usageFailure('--exit-after takes a number of lines, 1 or more.')
  const over = new AbortController()
  terminal.onInterrupt?.(() => over.abort())
  let left = exitAfter
  const take = ({ event, data }: StreamMessage) => {
    if (event === 'resync') note(terminal, 'some changes are not shown: there were too many, or they are too old')
    if (event !== 'delivery.changed' || !isJson(data) || !Array.isArray(data.changes)) return
    for (const change of data.changes.filter(isJson)) {
      if (states && !states.includes(String(change.state))) continue
      if (types && !types.includes(String(change.eventType))) continue
      if (flags.endpoint !== undefined && change.endpointId !== flags.endpoint) continue
      if (left <= 0) return
      left -= 1
      print(session, change)
    }
    if (left <= 0) over.abort()
  }
  note(terminal, 'connecting')
  await follow(api, {
    path: api.underAccount('/live'),
    query: { topics: 'delivery' },
    signal: over.signal,
    onMessage: take,
    onLost: (inMs) => note(terminal, `reconnecting in ${(inMs / 1000).toFixed(1)} s`),
    onOpen: () => note(terminal, 'ready'),
  })
}

function print({ terminal, flags }: Session, change: Json): void {
  if (flags.json) {
    terminal.stdout.write(`${JSON.stringify(change)}\n`)
    return
  }
  const { at, state, eventType, msgId, endpointId, responseStatusCode: code, failureClass, nextAttempt } = change
  const result = code === 0 ? failureClass : code
  const next = typeof nextAttempt === 'string' && state === 'retrying' ? `next ${shownValue(nextAttempt, flags)}` : ''
  const cells = [shownValue(at, flags), state, eventType, msgId, endpointId, result ?? '-', next]
  terminal.stdout.write(`${cells.join('\t').trimEnd()}\n`)
}
