import { parseArgs } from 'node:util'

export const MODES = [
  'batch',
  'single',
  'fanout10',
  'slow1',
  'slow10',
  'backlog1m',
  'endpoints10k',
  'noisy',
  'workers2',
  'workers4',
  'aged',
  'lists10m',
  'statements',
] as const
export type Mode = (typeof MODES)[number]

export type Options = {
  mode: Mode
  seed: number
  /** Of the measurement at full rate; the others are parts of it. */
  durationS: number
  /** Events a second at "full rate"; null: as many as are delivered. */
  rate: number | null
  endpoints: number
  /** Requests that each endpoint may have under way; null: the environment's 20. */
  concurrency: number | null
  /** Each endpoint gets one request at a time, in order. */
  fifo: boolean
  /** Calls of the API under way at once; null: what the mode has. */
  connections: number | null
  /** Of mode aged: seconds of load between the two measurements at full rate. */
  ageS: number
  /** Deliveries that are stored in mode lists10m; each has an attempt at least. */
  attempts: number
  /** Where mode lists10m leaves what it has stored, and finds it again; null: nothing is left. */
  keep: string | null
  json: boolean
  /** Where profiles of the service and figures of its statements go. */
  profile: string | null
}

/** Of a mode that puts load on the engine. */
export type LoadOptions = Options & { mode: Exclude<Mode, 'lists10m' | 'statements'> }

export class UsageError extends Error {}

export const HELP = `Measures the delivery engine against a bare sender, on this machine and in one run.

Usage: npm run -s bench -- [options]

  --mode MODE      ${MODES.join(' | ')}; default batch
  --duration S     seconds at full rate, 5 to 3600; default 20 (warm-up, yardstick and latency come on top)
  --rate R         events a second at full rate; default: as many as come out at the other end
  --endpoints N    endpoints of mode batch, single or statements, 1 to 1000; default 1
  --concurrency N  requests that each endpoint may have under way, 1 to 256; default 20, the environment's
  --fifo           each endpoint gets one request at a time, in order
  --connections N  calls of the API under way at once, 1 to 1000; default what the mode has (batch: 16, single: 256)
  --age S          seconds of load at 70 % in mode aged, 10 to 3600; default 600
  --attempts N     attempts that mode lists10m stores, 1000 to 100000000; default 10000000
  --keep DIR       mode lists10m stores in DIR and leaves it there; run again, it asks without storing anew
  --seed N         fixes bodies and order; default random, always printed
  --profile DIR    write a CPU profile of the service at full rate, and its statements, into DIR
  --json           no table; the last line is one JSON object in any case
  --help           this text

  batch         100 events a call         single        one event a call, with Idempotency-Key
  fanout10      each event to 10 endpoints
  slow1 slow10  1 % or 10 % of 10,000 endpoints stop answering
  backlog1m     a million deliveries of one dead endpoint wait beside the others
  endpoints10k  10,000 endpoints instead of 100
  noisy         one account publishes a hundred times as much as each of 49 others
  workers2 workers4
                2 or 4 worker processes on one database instead of one; under load some start, and one is ended and replaced
  aged          how fast it is after --age seconds at 70 %, the last five minutes of them beside an open snapshot
  lists10m      no load: how soon every list is answered, with every filter, and 10 million attempts of 30 days stored
  statements    no load: what an event costs in the statements that accept and record it, by how many share one

Exit codes: 0 done, 1 a delivery was lost or doubled, or a list was slow, 2 wrong usage, could not run, or void (verdict says why).
`

/** @throws UsageError */
export function parseOptions(args: readonly string[]): Options | 'help' {
  const values = read(args)
  if (values.help) return 'help'
  const mode = MODES.find((known) => known === values.mode)
  if (!mode) throw new UsageError(`--mode: there is no "${values.mode}"; choose of ${MODES.join(', ')}`)
  const endpoints = numberOf('--endpoints', values.endpoints ?? '1', 1, 1_000)
  const takesEndpoints = mode === 'batch' || mode === 'single' || mode === 'statements'
  if (values.endpoints !== undefined && !takesEndpoints) {
    throw new UsageError(`--endpoints: mode ${mode} has its own number`)
  }
  if (values.age !== undefined && mode !== 'aged') throw new UsageError(`--age: mode ${mode} does not age`)
  if (values.attempts !== undefined && mode !== 'lists10m') throw new UsageError(`--attempts: mode ${mode} stores none`)
  if (values.keep !== undefined && mode !== 'lists10m') throw new UsageError(`--keep: mode ${mode} leaves nothing`)
  return {
    mode,
    seed: numberOf('--seed', values.seed ?? String(Math.floor(Math.random() * 1e9)), 0, 4_294_967_295),
    durationS: numberOf('--duration', values.duration ?? '20', 5, 3_600),
    rate: values.rate === undefined ? null : numberOf('--rate', values.rate, 1, 1_000_000),
    endpoints,
    concurrency: values.concurrency === undefined ? null : numberOf('--concurrency', values.concurrency, 1, 256),
    fifo: values.fifo,
    connections: values.connections === undefined ? null : numberOf('--connections', values.connections, 1, 1_000),
    ageS: numberOf('--age', values.age ?? '600', 10, 3_600),
    attempts: numberOf('--attempts', values.attempts ?? '10000000', 1_000, 100_000_000),
    keep: values.keep ?? null,
    json: values.json,
    profile: values.profile ?? null,
  }
}

function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        mode: { type: 'string', default: 'batch' },
        duration: { type: 'string' },
        rate: { type: 'string' },
        endpoints: { type: 'string' },
        concurrency: { type: 'string' },
        fifo: { type: 'boolean', default: false },
        connections: { type: 'string' },
        age: { type: 'string' },
        attempts: { type: 'string' },
        keep: { type: 'string' },
        seed: { type: 'string' },
        profile: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message.replace(/\.\s.*/s, ''))
    throw error
  }
}

function numberOf(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw new UsageError(`${name}: must be a whole number from ${min} to ${max}`)
}
