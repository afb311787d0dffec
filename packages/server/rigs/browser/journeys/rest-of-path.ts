import assert from 'node:assert/strict'
import type { Locator } from 'playwright-core'
import type { Receiver } from '../../../test/receiver.ts'
import type { Stage } from '../stage.ts'
import type { Visitor } from '../visitor.ts'
import { until } from '../world.ts'

/** How somebody uses a page: by a pointer, or by keys alone. */
export type Hand = {
  press: (wanted: Locator) => Promise<void>
  type: (wanted: Locator, text: string) => Promise<void>
  /** Chooses what is so called. */
  choose: (wanted: Locator, label: string) => Promise<void>
  /** Goes to a place of the rail. */
  goTo: (place: string) => Promise<void>
  /** Leaves out of the log what tests have left there. */
  narrow?: () => Promise<void>
}

const NPNS = ['912484790', '912484791'] as const
/** What fails is not tried again meanwhile, however slow the machine is. */
const SECONDS_TO_NEXT_TRY = 3_600

/**
 * What follows an endpoint that answers: producers are added, their events fail, the reason is shown and put right, they are
 * replayed by filter, all is delivered, and the daily run is told of. Source: portal 13, main path
 */
export async function restOfPath(
  { visitor, stage, receiver, account }: { visitor: Visitor; stage: Stage; receiver: Receiver; account: string },
  { press, type, choose, goTo, narrow = async () => {} }: Hand,
): Promise<void> {
  const { page } = visitor
  const path = `/api/v1/app/${account}`
  const key = { token: stage.keys.sandbox }
  for (const endpoint of await stage.idsOf(`${path}/endpoint`)) {
    await stage.ok('PATCH', `${path}/endpoint/${endpoint}`, { retrySchedule: [SECONDS_TO_NEXT_TRY] }, key)
  }
  receiver.answer(503)
  await goTo('Producers')
  await press(page.getByRole('link', { name: /^Add producers/ }).first())
  await type(page.getByLabel('Or paste NPNs'), ['npn', ...NPNS].join('\n'))
  await press(page.getByRole('button', { name: 'Check', exact: true }))
  await press(page.getByRole('button', { name: `Apply: add ${NPNS.length}` }))
  await page.waitForURL('**/producers/jobs/*')
  const failed = `${path}/delivery?state=retrying&type=producersync.npn.activated&test=false`
  await until('their events fail', async () => (await stage.idsOf(failed)).length === NPNS.length || undefined)

  await goTo('Event log')
  await press(page.getByRole('link', { name: 'Failed', exact: true }))
  await narrow()
  await page.getByText(`${NPNS.length} matching`).waitFor()
  await press(page.locator('[data-row-link]').first())
  await press(page.getByRole('link', { name: /Attempt 1/ }).first())
  const drawer = page.getByRole('dialog')
  await drawer.getByText('Your endpoint is busy').first().waitFor()
  await press(drawer.getByRole('button', { name: 'Close the attempt' }))
  await drawer.waitFor({ state: 'detached' })

  receiver.answer(200)
  await goTo('Event log')
  await press(page.getByRole('link', { name: 'Failed', exact: true }))
  await narrow()
  await press(page.getByRole('button', { name: `Select all ${NPNS.length}` }))
  await press(page.getByRole('button', { name: 'Replay…' }))
  const dialog = page.getByRole('dialog')
  await choose(dialog.getByLabel('If it fails again'), 'One attempt each')
  await press(dialog.getByRole('button', { name: `Replay ${NPNS.length}` }))
  await page.waitForURL('**/replays/*')
  await page.getByText('Finished').first().waitFor()
  await until('nothing failed is left', async () => (await stage.idsOf(failed)).length === 0 || undefined)

  await goTo('Daily runs')
  await press(page.getByRole('button', { name: 'Start a run' }))
  await until('the run is published', async () => {
    const { data }: { data: { state: string }[] } = await stage.ok('GET', `${path}/run?limit=3`, undefined, key)
    return data.some(({ state }) => state === 'published') || undefined
  })
  await goTo('Home')
  await page.getByText('delivered 1 of 1').waitFor()
  const signals = receiver.verified.filter(({ body }) => body.includes('producersync.updates_available'))
  assert.ok(signals.length > 0, 'the daily signal has not arrived')
}
