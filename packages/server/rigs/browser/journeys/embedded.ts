import assert from 'node:assert/strict'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'

type Heard = { origin: string; data: { type: string } }

/** A host's page shows the portal in a frame: signed in by its message, in its theme, telling it where it is. Source: portal 11 */
export async function embedded({ browser, stage, world }: Setting): Promise<void> {
  const { url: hostUrl } = stage.host
  const { origin } = new URL(hostUrl)
  const { hash } = new URL(await stage.link(world.account))
  const page = `<!doctype html><title>Host</title><h1>Host</h1>
    <iframe id="portal" src="${stage.url}/portal/login?embed=1" width="1200" height="800" allow="clipboard-write"></iframe>
    <script>
      heard = []
      addEventListener('message', ({ origin, data }) => heard.push({ origin, data }))
      say = (message) => document.getElementById('portal').contentWindow.postMessage(message, '${stage.url}')
    </script>`
  const show = stage.host.answer.bind(stage.host)
  show((response) => response.writeHead(200, { 'content-type': 'text/html' }).end(page))
  const stranger = stage.receiver(6)
  stranger.answer((response) => response.writeHead(200, { 'content-type': 'text/html' }).end(page))
  // what a refused frame says on the console is what is meant to happen here
  const others = [origin, new URL(stranger.url).origin]
  const visitor = await Visitor.enter(browser, stage.url, { others })
  const tab = visitor.page
  const heard = async () => await tab.evaluate<Heard[]>('heard')
  const until = async (type: string, more = 'true') =>
    await tab.waitForFunction(`heard.some(({ data }) => data.type === '${type}' && ${more})`)

  await tab.goto(hostUrl)
  await until('psapi:ready')
  await until('psapi:session-needed')
  await tab.evaluate(`say({ type: 'psapi:session', key: ${JSON.stringify(hash.slice('#key='.length))} })`)
  const frame = tab.frameLocator('#portal')
  await frame.getByRole('link', { name: 'Event log' }).first().click()
  await frame.getByRole('heading', { level: 1, name: 'Event log' }).waitFor()
  await tab.evaluate(`say({ type: 'psapi:theme', scheme: 'dark' })`)
  await frame.locator('html[data-theme="dark"]').waitFor()
  await until('psapi:resize', 'data.height > 300')
  await until('psapi:navigate', `data.path.endsWith('/a/${world.account}/log')`)
  const all = await heard()
  assert.ok(
    all.every(({ origin: from }) => from === stage.url),
    'something came from another origin',
  )
  const kept = await visitor.context.cookies()
  assert.deepEqual(kept, [], 'an embedded page has set a cookie')

  // neither the page itself nor a window that is not around it is listened to
  const inner = tab.frames().find((each) => each.url().startsWith(stage.url))
  await inner?.evaluate(`postMessage({ type: 'psapi:theme', scheme: 'light' }, '*')`)
  await tab.evaluate(`say({ type: 'psapi:theme', scheme: 'url(//evil.example)' })`)
  await frame.getByRole('link', { name: 'Replays' }).first().click()
  await frame.getByRole('heading', { level: 1, name: 'Replays' }).waitFor()
  assert.equal(await frame.locator('html').getAttribute('data-theme'), 'dark', 'a message of nobody was obeyed')

  await tab.goto(stranger.url)
  await tab.getByRole('heading', { name: 'Host' }).waitFor()
  await tab.locator('#portal').waitFor()
  await tab.waitForLoadState('load')
  assert.equal(await frame.locator('#root').count(), 0, 'an origin that is not listed shows the portal')
  assert.deepEqual(await heard(), [], 'an origin that is not listed was told something')
  await visitor.leave()
}
