import { setTimeout as sleep } from 'node:timers/promises'
import type { Mirror } from './mirror.ts'
import { monitor, type RigAccount, waitUntilLoaded } from './world.ts'

const CHANGED_PER_DAY_MAX = 20
const TOLD_MS_MAX = 60_000
const LOOK_MS = 20

/** NPNs that nobody monitors at first: as many as the days can take. */
export function newcomersWanted(npns: number, days: number): number {
  return changedPerDay(npns) * days
}

function changedPerDay(npns: number): number {
  return Math.min(CHANGED_PER_DAY_MAX, Math.ceil(npns / 20))
}

/**
 * What accounts monitor, as it changes from day to day: each leaves some NPNs, takes back those that it left before, and the
 * first takes newcomers. Its client drops what it is told to be deactivated, and learns of what is new by its next pull alone.
 */
export class Populations {
  readonly #members: readonly { account: RigAccount; mirror: Mirror; npns: Set<string>; left: string[] }[]
  readonly #newcomers: string[]
  readonly #perDay: number

  constructor(members: readonly { account: RigAccount; mirror: Mirror }[], newcomers: readonly string[]) {
    this.#members = members.map(({ account, mirror }) => ({ account, mirror, npns: new Set(account.npns), left: [] }))
    this.#newcomers = [...newcomers]
    this.#perDay = changedPerDay(new Set(members.flatMap(({ account }) => account.npns)).size)
  }

  npnsOf(accountId: string): readonly string[] {
    return [...(this.#members.find(({ account }) => account.id === accountId)?.npns ?? [])]
  }

  /** Until all of it is done, its first loads and what clients are told of it too. @throws when that takes too long */
  async change(): Promise<void> {
    for (const [number, { account, mirror, npns, left }] of this.#members.entries()) {
      const joining = [...left, ...(number === 0 ? this.#newcomers.splice(0, this.#perDay) : [])]
      const leaving = [...npns].slice(0, this.#perDay)
      for (const npn of leaving) npns.delete(npn)
      for (const npn of joining) npns.add(npn)
      left.splice(0, left.length, ...leaving)
      await account.api.call('DELETE', '/v1/accounts/subscriptions', leaving)
      await until('has heard of what it left', () => leaving.every((npn) => !mirror.npns.has(npn)))
      await monitor({ ...account, npns: joining })
      await waitUntilLoaded(account.api, npns.size)
    }
  }
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const giveUpAtMs = performance.now() + TOLD_MS_MAX
  while (!isSo()) {
    if (performance.now() > giveUpAtMs) throw new Error(`no client ${what}`)
    await sleep(LOOK_MS)
  }
}
