import assert from 'node:assert/strict'
import type { Receiver } from '../../../test/receiver.ts'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'
import { until } from '../world.ts'

type Parts = Pick<Setting, 'browser' | 'stage' | 'seen'> & { visitor: Visitor }
type Of = { account: string; receiver: Receiver; reason: string }

/** An admin reads what staff have done, has somebody told, makes and revokes a key, and lets a colleague in. Source: portal P4, S13 – S16 */
export async function lookAfter(parts: Parts, of: Of): Promise<void> {
  const { page } = parts.visitor
  await parts.visitor.open(`/portal/a/${of.account}/activity`)
  await page.getByText('Disabled: No → Yes').first().waitFor()
  await page.getByText(`Reason: ${of.reason}`).first().waitFor()
  await playDay(parts, of)
  await tellTeam(parts, of)
  await makeKey(parts, of)
  await inviteColleague(parts, of)
}

/** What only a sandbox can: a run at once, which leads to its event, and another time. Source: portal P4.4 */
async function playDay({ visitor }: Parts, { account }: Of): Promise<void> {
  const { page } = visitor
  await visitor.open(`/portal/a/${account}/runs`)
  await page.getByLabel('Scenario').selectOption('normal')
  await page.getByRole('button', { name: 'Start a run' }).click()
  await page.getByText('The run is queued').first().waitFor()
  const row = page.getByRole('row').filter({ hasText: 'Published' }).filter({ hasText: 'msg_' }).first()
  await row.waitFor()
  await row.locator('a[href*="/events/"]').click()
  await page.getByRole('heading', { level: 1, name: 'producersync.updates_available' }).waitFor()

  const [clock] = await Promise.all([
    page.waitForResponse((answer) => answer.url().endsWith('/v1/sandbox/clock')),
    page.goto(`/portal/a/${account}/runs`),
  ])
  const { now }: { now: string } = await clock.json()
  const later = new Date(Date.parse(now) + HOUR_MS).toISOString().slice(0, 'yyyy-mm-ddThh:mm'.length)
  await page.getByLabel('Set the clock, UTC').fill(later)
  await page.getByRole('button', { name: 'Set clock' }).click()
  await page.getByText('The clock is set').first().waitFor()
  await page
    .getByText(/^Sandbox · clock at /)
    .first()
    .waitFor() // S0.6
}

const HOUR_MS = 3_600_000

async function tellTeam({ visitor }: Parts, { account, receiver }: Of): Promise<void> {
  const { page } = visitor
  await visitor.open(`/portal/a/${account}/settings/notifications`)
  await page.getByRole('button', { name: 'Add channel' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Chat webhook').check()
  await dialog.getByLabel('Name').fill('Team')
  await dialog.getByLabel('URL').fill(receiver.url)
  assert.ok(await dialog.getByLabel('A certificate ends in 14 days').isChecked())
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.getByRole('button', { name: 'Preview what Team is told' }).click()
  await page
    .getByRole('dialog')
    .getByText(/ has been disabled$/)
    .waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
  await page.getByRole('button', { name: 'Send test to Team' }).click()
  await page.getByText('Sent. It reads:').waitFor()
  assert.ok(
    receiver.requests.some(({ body }) => body.includes('Test of a notification channel')),
    'no test of a channel has arrived',
  )
}

async function makeKey({ visitor, stage }: Parts, { account }: Of): Promise<void> {
  const { page } = visitor
  await visitor.open(`/portal/a/${account}/developers`)
  await page.getByRole('button', { name: 'Add key' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('billing sync')
  await page.getByRole('dialog').getByRole('button', { name: 'Make key' }).click()
  const made = page.getByText('billing sync is ready')
  await made.waitFor()
  const secret = await page
    .locator('code')
    .filter({ hasText: /^appsk_/ })
    .first()
    .innerText()
  const statusOf = async () =>
    (await stage.call('GET', `/api/v1/app/${account}/endpoint`, undefined, { token: secret })).status
  assert.equal(await statusOf(), 200)
  const row = page.getByRole('row').filter({ hasText: 'billing sync' })
  await row.getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click()
  await row.getByText('Revoked').waitFor()
  await until('the key is refused', async () => (await statusOf()) === 401 || undefined)
}

/** Another role holds from the next request on; the last admin stays. */
async function inviteColleague({ visitor, browser, stage, seen }: Parts, { account }: Of): Promise<void> {
  const { page } = visitor
  await visitor.open(`/portal/a/${account}/settings/members`)
  await page.getByLabel('Name or mail address').fill('Grace')
  await page.getByRole('button', { name: 'Invite', exact: true }).click()
  await page.getByText('Login link for Grace').waitFor()
  const colleague = await Visitor.enter(browser, stage.url, { seen })
  await colleague.signIn(await page.locator('code').filter({ hasText: '/portal/login' }).innerText())
  await colleague.open(`/portal/a/${account}/endpoints/new`)
  await colleague.page.getByRole('heading', { level: 1, name: 'Add endpoint' }).waitFor()
  await page.getByLabel('Role of Grace').selectOption('viewer')
  await page.getByText('Grace is Viewer now').waitFor()
  await colleague.open(`/portal/a/${account}/endpoints/new`)
  await colleague.page.getByText('Not for your role').waitFor()
  await colleague.leave()

  await page.getByRole('row').filter({ hasText: 'Ada' }).getByRole('button', { name: 'Remove' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
  await page.getByRole('alertdialog').getByRole('alert').waitFor()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel' }).click()
}
