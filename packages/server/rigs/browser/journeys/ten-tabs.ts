import type { Request } from 'playwright-core'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'
import { until } from '../world.ts'

const TABS = 10

/** Ten tabs of one browser share one stream; when the one that reads it closes, another goes on. Source: portal 10, 13 */
export async function tenTabs({ browser, stage, seen }: Setting): Promise<void> {
  const account = await stage.make('/api/v1/app', { name: 'Ten Tabs' })
  await stage.make(`/api/v1/app/${account}/endpoint`, { url: stage.receiver(0).url })
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { context } = visitor
  const open = new Set<Request>()
  context.on('request', (request) => {
    if (new URL(request.url()).pathname.endsWith('/live')) open.add(request)
  })
  context.on('requestfinished', (request) => void open.delete(request))
  context.on('requestfailed', (request) => void open.delete(request))
  await visitor.signIn(await stage.link(account))
  const log = `/portal/a/${account}/log`
  await visitor.open(log)
  await visitor.page
    .getByRole('status')
    .filter({ hasText: /^Live$/ })
    .waitFor()
  const tabs = [visitor.page]
  for (let count = 1; count < TABS; count += 1) {
    const tab = await context.newPage()
    await tab.goto(log)
    await tab
      .getByRole('status')
      .filter({ hasText: /^Live$/ })
      .waitFor()
    tabs.push(tab)
  }
  await until(`${TABS} tabs share one stream`, async () => open.size === 1 || undefined)
  const [reader] = [...open]
  const leader = reader?.frame().page()
  const watching = tabs.filter((tab) => tab !== leader)
  await leader?.close()
  // of a page that is gone no request ends
  await until('another tab reads the stream', async () => [...open].some((one) => one !== reader) || undefined)
  const body = { eventType: 'test.happened', payload: { tab: 'ten' } }
  await stage.make(`/api/v1/app/${account}/msg`, body)
  for (const tab of watching.slice(0, 3)) await tab.getByRole('button', { name: /new events?$/ }).waitFor()
  await visitor.leave()
}
