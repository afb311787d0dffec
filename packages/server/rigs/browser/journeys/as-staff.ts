import assert from 'node:assert/strict'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'
import { until } from '../world.ts'
import { lookAfter } from './account-admin.ts'

const REASON = 'Ticket 4711: asked for by phone — thank you'
type Line = { operation: string; reason: string | null }

/** Staff look into an account, change nothing before they have said why, and the account reads it. Source: portal O2, O4 */
export async function asStaff({ browser, stage, seen }: Setting): Promise<void> {
  const account = await stage.make('/api/v1/app', { name: 'Fabrikam' })
  const path = `/api/v1/app/${account}`
  const receiver = stage.receiver(9)
  receiver.reset()
  const endpoint = await stage.make(`${path}/endpoint`, { url: receiver.url, description: 'Claims' })
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page } = visitor
  await visitor.signIn(await stage.staffLink())
  await visitor.open('/portal/env')
  await page.getByRole('button', { name: 'New account' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('Tailspin')
  await page.getByRole('dialog').getByRole('button', { name: 'New account' }).click()
  await page.getByText('Viewing as staff: Tailspin').waitFor()
  await visitor.open(`/portal/env?q=Fabrikam`)
  await page.getByRole('link', { name: 'Fabrikam' }).click()
  await page.getByText('Viewing as staff: Fabrikam').waitFor()
  const find = page.getByLabel('Go to an NPN or ID')
  await find.fill(endpoint)
  await find.press('Enter')
  await page.getByRole('heading', { level: 1, name: 'Claims' }).waitFor()
  const disable = page.getByRole('button', { name: 'Disable', exact: true }).first()
  assert.equal(await disable.getAttribute('aria-disabled'), 'true', 'staff may change something without a reason')
  await page.getByRole('button', { name: 'Make changes…' }).click()
  await page.getByRole('dialog').getByLabel('Reason').fill(REASON)
  await page.getByRole('dialog').getByRole('button', { name: 'Make changes' }).click()
  await page.getByText('Changing this account as staff: Fabrikam').waitFor()
  await disable.click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Disable' }).click()
  await page.getByRole('button', { name: 'Enable', exact: true }).waitFor()
  const line = await until('the line of the audit', async () => {
    const { data }: { data: Line[] } = await stage.ok('GET', `${path}/audit`, undefined, { token: stage.keys.sandbox })
    return data.find(({ operation }) => operation === 'v1.endpoint.patch')
  })
  assert.equal(line.reason, REASON)

  const missed = await stage.make(`${path}/msg`, { eventType: 'test.happened', payload: { claim: 1 } })
  await page.getByRole('button', { name: 'Enable', exact: true }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Enable and replay 1' }).click()
  await page.waitForURL('**/replays/*')
  await receiver.until(() => receiver.requests.some(({ messageId }) => messageId === missed))
  await page.getByRole('button', { name: 'Stop changing' }).click()
  await page.getByText('Viewing as staff: Fabrikam').waitFor()

  const link = await handLinks({ visitor, browser, stage, seen }, account)
  const admin = await Visitor.enter(browser, stage.url, { seen })
  await admin.signIn(link)
  await lookAfter({ visitor: admin, browser, stage, seen }, { account, receiver, reason: REASON })
  await admin.leave()

  await visitor.open('/portal/env/runs')
  await page.locator('[data-row-link]').first().click()
  await page.getByRole('heading', { name: 'Counts', exact: true }).waitFor()
  await page.getByRole('button', { name: 'Run again' }).waitFor()
  await visitor.leave()
}

/** Staff make two links: each is shown once; one is withdrawn, and lets nobody in. Source: portal O3 @returns the other */
async function handLinks(
  { visitor, browser, stage, seen }: Pick<Setting, 'browser' | 'stage' | 'seen'> & { visitor: Visitor },
  account: string,
): Promise<string> {
  const { page } = visitor
  await visitor.open('/portal/env/links')
  const links: string[] = []
  for (const [person, role] of [
    ['Ada', 'admin'],
    ['Mallory', 'viewer'],
  ] as const) {
    await page.getByLabel('Account ID').fill(account)
    await page.getByLabel('Name or mail address').fill(person)
    await page.getByLabel('Role', { exact: true }).selectOption(role)
    await page.getByRole('button', { name: 'Make link' }).click()
    await page.getByText(`Login link for ${person}`).waitFor()
    links.push(await page.locator('code').filter({ hasText: '/portal/login' }).innerText())
    await page.getByRole('button', { name: 'I have kept it' }).click()
  }
  const row = page.getByRole('row').filter({ hasText: 'Mallory' })
  await row.getByText('Unused').waitFor()
  await row.getByRole('button', { name: 'Revoke' }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click()
  await row.getByText('Revoked').waitFor()
  const [good = '', revoked = ''] = links
  const stranger = await Visitor.enter(browser, stage.url, { seen })
  const { pathname, hash } = new URL(revoked)
  await stranger.page.goto(`${pathname}${hash}`)
  await stranger.page.getByRole('button', { name: 'Continue' }).click()
  await stranger.page.getByText('This link cannot be used').waitFor()
  await stranger.leave()
  return good
}
