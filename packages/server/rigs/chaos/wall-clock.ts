import { readFileSync, watchFile } from 'node:fs'

/**
 * Loaded before the service (`--import`): its wall clock is off by the milliseconds that a file names, from the moment they stand
 * there. The monotonic clock and timers are the machine's, as when an operator sets the time.
 */
const LOOK_MS = 100
const file = process.env.CHAOS_WALL_CLOCK ?? ''
const real = Date.now
let offMs = 0

watchFile(file, { interval: LOOK_MS }, () => {
  offMs = Number(readFileSync(file, 'utf8'))
}).unref()

const now = () => real() + offMs

Date.now = now
globalThis.Date = new Proxy(Date, {
  construct: (target, args: unknown[], made): object =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, made) as object,
})
