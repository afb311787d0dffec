import { setTimeout as sleep } from 'node:timers/promises'
import type { SeenRun } from './days.ts'
import type { AnnouncementReceiver } from './receiver.ts'
import type { RigAccount } from './world.ts'

const ANNOUNCED_MS_MAX = 60_000

/** Until every account has been told of a day, or it should have been. */
export async function announced(
  receiver: AnnouncementReceiver,
  accounts: readonly RigAccount[],
  day: string,
): Promise<void> {
  const isTold = ({ id }: RigAccount) =>
    receiver.announcements.some(({ account, runDate }) => account === id && runDate === day)
  const giveUpAtMs = performance.now() + ANNOUNCED_MS_MAX
  while (!accounts.every(isTold) && performance.now() < giveUpAtMs) await sleep(20)
}

/** Announcements that never came, and those that came once more. */
export function reckon(receiver: AnnouncementReceiver, accounts: readonly RigAccount[], runs: readonly SeenRun[]) {
  let [missed, duplicate] = [0, 0]
  for (const { runDate, state } of runs) {
    const expected = state === 'published' ? 1 : 0
    for (const { id } of accounts) {
      const told = receiver.announcements.filter((each) => each.account === id && each.runDate === runDate).length
      missed += Math.max(0, expected - told)
      duplicate += Math.max(0, told - expected)
    }
  }
  return { missed, duplicate }
}
