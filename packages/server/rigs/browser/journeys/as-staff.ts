import assert from 'node:assert/strict'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'
import { until } from '../world.ts'

const REASON = 'Ticket 4711: asked for by phone — thank you'
type Line = { operation: string; reason: string | null }

/** Staff look into an account, change nothing before they have said why, and the account reads it. Source: portal O2, O4 */
export async function asStaff({ browser, stage, seen }: Setting): Promise<void> {
  const account = await stage.make('/api/v1/app', { name: 'Fabrikam' })
  const path = `/api/v1/app/${account}`
  const receiver = stage.receiver(6)
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
  await visitor.open(`/portal/a/${account}/endpoints/${endpoint}`)
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

  await visitor.open('/portal/env/runs')
  await page.locator('[data-row-link]').first().click()
  await page.getByRole('heading', { name: 'Counts', exact: true }).waitFor()
  await page.getByRole('button', { name: 'Run again' }).waitFor()
  await visitor.leave()
}
