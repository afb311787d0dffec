import assert from 'node:assert/strict'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'
import { until } from '../world.ts'

const WAIT_MS_MAX = 60_000
const ENDPOINTS = ['Orders', 'Billing']

/**
 * The service is killed while a log is open, and an event is accepted before the page has found it again: the page says that it
 * looks for the service, goes on by itself, and shows each delivery once. Source: portal 10
 */
export async function restart({ browser, stage, seen }: Setting): Promise<void> {
  const receiver = stage.receiver(10)
  receiver.reset()
  const account = await stage.make('/api/v1/app', { name: 'Restart' })
  const path = `/api/v1/app/${account}`
  for (const description of ENDPOINTS) await stage.make(`${path}/endpoint`, { url: receiver.url, description })
  // answers of a service that is just starting are no fault
  const visitor = await Visitor.enter(browser, stage.url, { seen: { ...seen, serverErrors: [] } })
  const { page } = visitor
  await visitor.signIn(await stage.link(account))
  await visitor.open(`/portal/a/${account}/log?type=test.happened&from=-24h`)
  const send = async (step: string) =>
    await stage.make(`${path}/msg`, { eventType: 'test.happened', payload: { step } })
  const fresh = page.getByRole('button', { name: /new events?$/ })
  const rows = page.locator('[data-pick]')
  const shows = async (count: number) =>
    await until(`${count} deliveries are shown`, async () => {
      if (await fresh.isVisible()) await fresh.click()
      return (await rows.count()) >= count || undefined
    })
  const says = async (word: string) =>
    await page
      .getByRole('status')
      .filter({ hasText: new RegExp(`^${word}$`) })
      .waitFor({ timeout: WAIT_MS_MAX })
  await says('Live')
  // the page is let back when all is over, so that it hears of what it has missed from nobody but its new stream
  const { promise: isOver, resolve: letBack } = Promise.withResolvers<void>()
  await page.route('**/live?*', async (route) => {
    await isOver
    await route.continue()
  })
  await stage.restart(() => says('Reconnecting'))
  await send('before the page is back')
  await until('the event is delivered', async () => {
    const delivered = await stage.idsOf(`${path}/delivery?type=test.happened&state=delivered`)
    return delivered.length === ENDPOINTS.length || undefined
  })
  letBack()
  await says('Live')
  await shows(ENDPOINTS.length)
  await send('since it is back')
  await shows(2 * ENDPOINTS.length)
  const shown = await page.evaluate<string[]>(
    `[...document.querySelectorAll('[data-pick]')].map(({ dataset }) => dataset.pick)`,
  )
  const sent = await stage.idsOf(`${path}/delivery?type=test.happened`)
  assert.deepEqual(shown.toSorted(), sent.toSorted(), 'the page shows other deliveries than there are, or one twice')
  await visitor.leave()
}
