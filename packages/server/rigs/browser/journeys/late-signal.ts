import { chicagoDay } from '#src/updates/calendar.ts'
import type { LocalDate } from '#src/updates/local-date.ts'
import { SANDBOX_CALENDAR } from '#src/updates/sandbox-feed.ts'
import { nextBusinessDay } from '#src/updates/schedule.ts'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'
import { clientToken, until } from '../world.ts'
import { openRun, releaseHeld, startRun } from './held-run.ts'

const WAIT_MS_MAX = 30_000

/** The day's signal has not come by the set time: the home page says since when, at the top. Source: portal S1.1 */
export async function lateSignal({ browser, stage, seen }: Setting): Promise<void> {
  const account = await stage.make('/api/v1/app', { name: 'Late Signal' })
  const token = await clientToken(stage, account)
  const { now }: { now: string } = await stage.ok('GET', '/v1/sandbox/clock', undefined, { token })
  const day = nextBusinessDay(chicagoDay(new Date(now)), SANDBOX_CALENDAR)
  await stage.ok('PUT', '/v1/sandbox/clock', { now: `${day}T14:00:00Z` }, { token }) // early morning in Chicago
  const started: { run_id: string } = await stage.ok(
    'POST',
    '/v1/sandbox/runs',
    { runDate: day, scenario: 'fails' },
    { token },
  )
  await until('the run has failed', async () => {
    const run: { state: string } = await stage.ok('GET', `/v1/runs/${started.run_id}`, undefined, { token })
    return run.state === 'failed' || undefined
  })
  await stage.ok('PUT', '/v1/sandbox/clock', { now: `${day}T19:00:00Z` }, { token }) // past 11:30 in Chicago
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  await visitor.signIn(await stage.link(account))
  await visitor.page
    .getByText(/Late since|daily signal is late/)
    .first()
    .waitFor()
  await visitor.leave()
  await asOperator({ browser, stage, seen }, { feed: account, token, day })
}

/** Staff have the day run once more, cancel that while it waits for NIPR, and let the next one publish. Source: portal O4 */
async function asOperator(
  { browser, stage, seen }: Pick<Setting, 'browser' | 'stage' | 'seen'>,
  { feed, token, day }: { feed: string; token: string; day: LocalDate },
): Promise<void> {
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page } = visitor
  await visitor.signIn(await stage.staffLink())
  await visitor.open(`/portal/env/runs?q=${feed}&state=failed`)
  await page.locator('[data-row-link]').first().click()
  await page.getByRole('button', { name: 'Run again' }).click()
  await startRun(page)
  await openRun(visitor, feed, 'collecting')
  await page.getByRole('button', { name: 'Cancel the run' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel the run' }).click()
  await page.getByRole('button', { name: 'Run again' }).waitFor({ timeout: WAIT_MS_MAX })
  await releaseHeld({ visitor, stage }, { feed, token, day: nextBusinessDay(day, SANDBOX_CALENDAR) })
  await outOfReach(visitor)
  await visitor.leave()
}

/** Without a network what is shown stays, and says from when it is. Source: portal G3, G14 */
async function outOfReach({ page, context }: Visitor): Promise<void> {
  const stale = page.getByText(/^As of [0-9:]+ UTC, reconnecting/).first()
  await context.setOffline(true)
  await stale.waitFor({ timeout: WAIT_MS_MAX })
  await page.getByRole('button', { name: 'Run again' }).waitFor()
  await context.setOffline(false)
  await stale.waitFor({ state: 'detached', timeout: WAIT_MS_MAX })
}
