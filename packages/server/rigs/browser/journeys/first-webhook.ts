import assert from 'node:assert/strict'
import type { Page } from 'playwright-core'
import type { Receiver } from '../../../test/receiver.ts'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'
import { until } from '../world.ts'

const MINUTES_MAX = 2

/** From a login link to a webhook that the receiver has verified, with nothing but the portal. Source: portal 13, main path */
export async function firstWebhook({ browser, stage, seen }: Setting): Promise<void> {
  const startedAt = performance.now()
  const receiver = stage.receiver(3)
  receiver.answer(200)
  const account = await stage.make('/api/v1/app', { name: 'First Steps' })
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page } = visitor
  await visitor.signIn(await stage.link(account))

  await page.goto(`/portal/a/${account}/endpoints/new`)
  const url = page.getByLabel('URL', { exact: true })
  await url.fill('https://bücher.example/in')
  await page.getByText('This host is looked up as xn--bcher-kva.example.').waitFor()
  await url.fill('ftp://hooks.example/in')
  await page.getByText('The URL must begin with https://.').waitFor()
  await url.fill(receiver.url)
  await page.getByLabel('All, current and future').check()
  await page.getByRole('button', { name: 'Save and send ping' }).click()
  await page.getByText(/^Answered 200 in/).waitFor()
  const endpoint = await until('the endpoint', async () => (await stage.idsOf(`/api/v1/app/${account}/endpoint`))[0])
  receiver.trust(await stage.secretOf(account, endpoint))

  await page.goto(`/portal/a/${account}/endpoints/${endpoint}?tab=testing`)
  await page.getByLabel('Event type').selectOption('producersync.npn.activated')
  await page.getByRole('button', { name: 'Send test', exact: true }).last().click()
  await page.getByText(/^Answered 200 in/).waitFor()
  assert.ok(
    receiver.verified.some(({ body }) => body.includes('producersync.npn.activated')),
    'no verified webhook arrived',
  )

  await tryScenarios(page, receiver)
  await page.getByRole('link', { name: 'See the event ›' }).first().click()
  await page.getByRole('heading', { level: 1, name: 'producersync.npn.activated' }).waitFor()
  await page.getByText('Delivered').first().waitFor()
  assert.ok(performance.now() - startedAt < MINUTES_MAX * 60_000, `longer than ${MINUTES_MAX} minutes`)

  const second = { url: `${receiver.url}/second`, eventTypes: ['producersync.updates_available'] }
  await stage.make(`/api/v1/app/${account}/endpoint`, second)
  await visitor.open(`/portal/a/${account}/endpoints?type=producersync.npn.activated`)
  const rows = page.locator('[data-row-link]')
  await until('one endpoint that wants activations', async () => (await rows.count()) === 1 || undefined)
  await page.getByLabel('Events').selectOption('producersync.updates_available')
  await until('two that want the daily signal', async () => (await rows.count()) === 2 || undefined)
  await visitor.leave()
}

/** The same event twice, and two events in the wrong order: both are sent, and the answers shown. Source: portal S10.4 */
async function tryScenarios(page: Page, receiver: Receiver): Promise<void> {
  const both = page.getByRole('button', { name: 'Send both' })
  const before = receiver.requests.length
  await both.first().click()
  await page.getByRole('heading', { name: 'Again, same id' }).waitFor()
  await both.last().click()
  await page.getByRole('heading', { name: 'Happened earlier' }).waitFor()
  const sent = receiver.requests.slice(before)
  assert.equal(sent.length, 4)
  assert.equal(sent[0]?.messageId, sent[1]?.messageId, 'another event was sent, not the same again')
  const [later = '', earlier = ''] = sent.slice(2).map(({ body }) => momentOf(body))
  assert.ok(earlier < later, `${earlier} is not before ${later}`)
}

function momentOf(body: Buffer): string {
  const { timestamp }: { timestamp: string } = JSON.parse(body.toString())
  return timestamp
}
