import assert from 'node:assert/strict'
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
  await page.getByLabel('URL', { exact: true }).fill(receiver.url)
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

  await page.getByRole('link', { name: 'See the event ›' }).click()
  await page.getByRole('heading', { level: 1, name: 'producersync.npn.activated' }).waitFor()
  await page.getByText('Delivered').first().waitFor()
  assert.ok(performance.now() - startedAt < MINUTES_MAX * 60_000, `longer than ${MINUTES_MAX} minutes`)
  await visitor.leave()
}
