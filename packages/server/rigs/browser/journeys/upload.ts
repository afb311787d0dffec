import assert from 'node:assert/strict'
import type { Setting } from '../setting.ts'
import type { Stage } from '../stage.ts'
import { Visitor } from '../visitor.ts'

const LIST = '\uFEFFName,npn\r\nAda,912484770\r\nGrace,"912484771"\r\nAda again,912484770\r\nBroken,1.56E+07\r\n'

/** A list is uploaded: the difference is seen first, nothing has happened until it is applied, then exactly that has. Source: portal P2, P3 */
export async function upload({ browser, stage, seen }: Setting): Promise<void> {
  const account = await stage.make('/api/v1/app', { name: 'Upload' })
  const path = `/api/v1/app/${account}/population`
  const npns = async () => {
    const list: { data: { npn: string }[] } = await stage.ok('GET', path, undefined, { token: stage.keys.sandbox })
    return list.data.map(({ npn }) => npn).filter((npn) => npn.startsWith('9124847'))
  }
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page } = visitor
  await visitor.signIn(await stage.link(account, { capabilities: ['ViewBase', 'ManagePopulation'] }))
  await visitor.open(`/portal/a/${account}/producers/change?mode=add`)
  await page.setInputFiles('#file', { name: 'list.csv', mimeType: 'text/csv', buffer: Buffer.from(LIST) })
  await page.getByRole('button', { name: 'Check' }).click()
  const apply = page.getByRole('button', { name: 'Apply: add 2' })
  await apply.waitFor()
  await page.getByText('Nothing has been changed yet').first().waitFor()
  assert.deepEqual(await npns(), [], 'something has changed before it was applied')
  await page
    .getByText(/Repeated/)
    .first()
    .waitFor()
  await page
    .getByText(/Invalid/)
    .first()
    .click()
  await page.getByText('1.56E+07').first().waitFor()
  await apply.click()
  await page.waitForURL('**/producers/jobs/*')
  await page.getByText('Done').first().waitFor({ timeout: 30_000 })
  assert.deepEqual((await npns()).sort(), ['912484770', '912484771'])

  const outcomes = await visitor.linesOfDownload(() => page.getByRole('button', { name: 'Export CSV' }).click())
  assert.deepEqual(outcomes, ['npn,outcome,reason', '912484770,added,', '912484771,added,'])

  await cancelChange(visitor, stage, account)
  assert.equal((await npns()).length, 2, 'a change that was cancelled has been made')
  await visitor.open(`/portal/a/${account}/producers?q=9124847`)
  const lines = await visitor.linesOfDownload(() => page.getByRole('button', { name: 'Export CSV' }).click())
  assert.deepEqual(
    lines.slice(1).map((line) => line.split(',')[0]),
    ['912484770', '912484771'],
  )
  await visitor.open(`/portal/a/${account}/producers?q=9124847`)
  await page.getByLabel('Joined', { exact: true }).selectOption('-1h')
  await page.waitForURL(/from=-1h/)
  const rows = page.locator('[data-row-link]')
  await rows.nth(1).waitFor()
  await visitor.open(`/portal/a/${account}/producers?q=9124847&from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z`)
  await page.getByText('No producer matches').waitFor()
  await visitor.leave()
}

/** A change that cannot go on is cancelled, and makes no step more. Source: portal P3 */
async function cancelChange({ page }: Visitor, stage: Stage, account: string): Promise<void> {
  await page.goto(`/portal/a/${account}/producers/change?mode=add`)
  await page.setInputFiles('#file', { name: 'more.csv', mimeType: 'text/csv', buffer: Buffer.from('npn\n912484772\n') })
  await page.getByRole('button', { name: 'Check' }).click()
  const apply = page.getByRole('button', { name: 'Apply: add 1' })
  await apply.waitFor()
  await stage.holding('lock table population in share mode', async () => {
    await apply.click()
    await page.waitForURL('**/producers/jobs/*')
    await page.getByRole('button', { name: 'Cancel the change' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel the change' }).click()
    // a step that waits for the lock gives up, and then it is over at once
    await page
      .getByText(/^Cancell(ing|ed)$/)
      .first()
      .waitFor()
  })
  await page.getByText('Cancelled').first().waitFor()
}
