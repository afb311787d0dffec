import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import type { Stage } from '../stage.ts'
import type { Visitor } from '../visitor.ts'
import { until } from '../world.ts'

const NPN = '912484780'
/** More than a run may take away before somebody has looked. */
const VANISHING = 1_200
const WAIT_MS_MAX = 30_000

/**
 * An operator starts a run of all producers from the list; it would take away so much that it is held; the operator lets it
 * publish, and each of it is in the audit. Source: portal O4
 */
export async function releaseHeld(
  { visitor, stage }: { visitor: Visitor; stage: Stage },
  { feed, token, day }: { feed: string; token: string; day: string },
): Promise<void> {
  const { page } = visitor
  await stage.ok('PUT', '/v1/sandbox/clock', { now: `${day}T19:00:00Z` }, { token })
  await stage.ok('PUT', '/v1/accounts/subscriptions', [NPN], { token })
  const key = { token: stage.keys.sandbox }
  await until('the first data of the producer', async () => {
    const path = `/api/v1/app/${feed}/population?q=${NPN}`
    const { data }: { data: { state: string }[] } = await stage.ok('GET', path, undefined, key)
    return data.some(({ state }) => state !== 'loading') || undefined
  })
  await stage.write(NAMES, [feed, NPN, VANISHING])

  await visitor.open('/portal/env/runs')
  await page.getByRole('button', { name: 'Start a run' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Feed').fill(feed)
  await dialog.getByLabel('Run date').fill(day)
  await dialog.getByLabel('Read all producers anew').check()
  await startRun(page)
  await openRun(visitor, feed, 'held')
  await page.getByText(`${VANISHING} of `).first().waitFor()
  await page.getByRole('button', { name: 'Release' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Release' }).click()
  await page.getByRole('button', { name: 'Run again' }).waitFor({ timeout: WAIT_MS_MAX })
  await page.getByRole('heading', { name: 'Accounts told' }).waitFor()

  const { data }: { data: Line[] } = await stage.ok('GET', '/api/v1/env/audit?limit=250', undefined, key)
  for (const operation of ['v1.admin-runs.start', 'v1.admin-runs.cancel', 'v1.admin-runs.release']) {
    const line = data.find((each) => each.operation === operation)
    assert.equal(line?.who.kind, 'staff', `${operation} is not in the audit as what staff did`)
  }
}

/** Opens the run of the feed, once it is in the state. */
export async function openRun(visitor: Visitor, feed: string, state: string): Promise<void> {
  const rows = visitor.page.locator('[data-row-link]')
  await until(`the run is ${state}`, async () => {
    await visitor.open(`/portal/env/runs?q=${feed}&state=${state}`)
    return (await rows.count()) > 0 || undefined
  })
  await rows.first().click()
}

/** Presses Start in the dialog; a service that is too busy to take it is asked once more. */
export async function startRun(page: Page): Promise<void> {
  for (let tries = 1; tries <= 2; tries += 1) {
    const [answer] = await Promise.all([
      page.waitForResponse((each) => each.request().method() === 'POST' && each.url().endsWith('/v1/admin/runs')),
      page.getByRole('dialog').getByRole('button', { name: 'Start' }).click(),
    ])
    if (answer.status() < 500) return
  }
}

type Line = { operation: string; who: { kind: string } }

/** Names that NIPR does not have: with the next report of the producer they vanish. */
const NAMES = `
  insert into other_name (feed_id, npn, id, type, name, identity, content_hash, created_on, updated_on, transaction_id)
  select $1, $2::bigint, nextval('record_id'), 'ALIAS', 'Name ' || n, sha256(n::text::bytea), sha256(n::text::bytea), current_date, current_date,
         gen_random_uuid()
    from generate_series(1, $3::int) as n`
