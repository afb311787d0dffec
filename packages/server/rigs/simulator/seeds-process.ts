import { answer } from '../bench/commands.ts'
import { acknowledgeBeforeCommit } from '../chaos/breaks.ts'
import { startRunDatabase } from '../chaos/database.ts'
import { forgetOutcomes, trustOldEndpoints } from './breaks.ts'
import type { Break } from './options.ts'
import { type SeedResult, Simulation } from './simulation.ts'
import { ENDPOINTS, Site } from './site.ts'
import { VirtualTime } from './virtual-time.ts'

/** One process of the simulator: seeds one after the other, on a real database of its own. Its clocks are the simulation's. */

/** What is simulated survives no power cut: that is not its subject, and fsync would be most of its time. */
const SETTINGS = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off', shared_buffers: '32MB' }

type Opened = { site: Site; time: VirtualTime; shards: number[]; bug: Break | null }

let opened: Opened | undefined
const ends: (() => unknown)[] = []

const commands = {
  /** @returns the database's version */
  open: async (bug: Break | null): Promise<string> => {
    const { database } = await startRunDatabase('simulator', SETTINGS, { end: (end) => ends.push(end) }, fail)
    const site = await Site.open(database)
    ends.push(() => site.close())
    const shards = await site.shardsOf(ENDPOINTS.map(({ id }) => id))
    const version = await site.version()
    if (bug === 'ack-before-commit') acknowledgeBeforeCommit()
    if (bug === 'forgetful-recorder') forgetOutcomes()
    if (bug === 'old-endpoints') trustOldEndpoints()
    if (bug === 'no-fencing') await site.unfence()
    const time = new VirtualTime(Date.now(), (working) => site.isStuck(working))
    time.install()
    opened = { site, time, shards, bug }
    return version
  },
  run: async (seed: number): Promise<{ result: SeedResult; story: string }> => {
    if (!opened) throw new Error('not opened')
    const told: string[] = []
    const { bug, ...parts } = opened
    const result = await new Simulation({ ...parts, seed, break: bug, tell: (text) => told.push(text) }).run()
    return { result, story: told.join('\n') }
  },
  close: async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end()
  },
}
export type SeedsCommands = typeof commands

function fail(reason: string): void {
  process.stderr.write(`${reason}\n`)
  process.exit(1)
}

answer(commands)
