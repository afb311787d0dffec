import assert from 'node:assert/strict'
import type { Locator, Page } from 'playwright-core'
import type { Receiver } from '../../../test/receiver.ts'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'
import { until } from '../world.ts'
import { restOfPath } from './rest-of-path.ts'

const MINUTES_MAX = 2

/** From a login link to a webhook that the receiver has verified, with nothing but the portal. Source: portal 13, main path */
export async function firstWebhook(setting: Setting): Promise<void> {
  const { visitor, account, receiver, endpoint, event } = await firstSteps(setting, { width: 1440, scheme: 'light' })
  const { page } = visitor
  await copyIn(page, setting, `/portal/a/${account}/endpoints/${endpoint}`, endpoint)
  await page.goto(`/portal/a/${account}/endpoints/${endpoint}?tab=testing`)
  await tryScenarios(page, receiver)
  await testAtDesk(setting, page, account)
  await visitor.open(event)
  await page.getByRole('heading', { level: 1, name: 'producersync.npn.activated' }).waitFor()
  await page.getByText('Delivered').first().waitFor()

  const { stage } = setting
  const second = {
    url: `${receiver.url}/second?code=${HIDDEN}`,
    description: 'Second',
    eventTypes: ['producersync.updates_available'],
  }
  await stage.make(`/api/v1/app/${account}/endpoint`, second)
  await visitor.open(`/portal/a/${account}/endpoints`)
  const rows = page.locator('[data-row-link]')
  await rows.filter({ hasText: 'Second' }).focus()
  for (const key of ['Shift+Tab', 'Tab']) await page.keyboard.press(key) // come to by keys
  await page.locator('#tip').getByText(`${receiver.url}/second?code=…`).waitFor()
  assert.ok(!(await page.content()).includes(HIDDEN), 'the list shows the value of a query')
  await visitor.open(`/portal/a/${account}/endpoints?type=producersync.npn.activated`)
  await until('one endpoint that wants activations', async () => (await rows.count()) === 1 || undefined)
  await page.getByLabel('Events').selectOption('producersync.updates_available')
  await until('two that want the daily signal', async () => (await rows.count()) === 2 || undefined)
  await manageEndpoints(visitor, account, receiver)
  await enableAgain(setting, visitor, account, receiver)
  await visitor.leave()
}

const HIDDEN = 'e5a1c0ffee'

/** The whole main path with a thumb, in the dark. Source: portal G16, 13 */
export async function firstWebhookOnPhone(setting: Setting): Promise<void> {
  const { visitor, account, receiver } = await firstSteps(setting, { width: 360, scheme: 'dark' })
  const { page } = visitor
  const dialog = page.getByRole('dialog')
  const goTo = async (place: string) => {
    await page.getByRole('button', { name: 'Menu', exact: true }).click()
    await dialog.getByRole('link', { name: place, exact: true }).click()
    await dialog.waitFor({ state: 'detached' })
    await visitor.settled()
  }
  const narrow = async () => {
    await page.getByRole('button', { name: /^Filters/ }).click()
    await dialog.getByLabel('Type').selectOption('producersync.npn.activated')
    await dialog.getByRole('button', { name: /^[0-9]+ matching/ }).click()
    await dialog.waitFor({ state: 'detached' })
  }
  const press = (wanted: Locator) => wanted.click()
  const type = (wanted: Locator, text: string) => wanted.fill(text)
  const choose = async (wanted: Locator, label: string) => void (await wanted.selectOption({ label }))
  await restOfPath({ visitor, stage: setting.stage, receiver, account }, { press, type, choose, goTo, narrow })
  await visitor.leave()
}

/** From the link to a test that is answered and a signature check that is passed. */
async function firstSteps({ browser, stage, seen }: Setting, look: { width: number; scheme: 'light' | 'dark' }) {
  const startedAt = performance.now()
  const receiver = stage.receiver(look.width < 768 ? 13 : 3)
  receiver.answer(200)
  const account = await stage.make('/api/v1/app', { name: 'First Steps' })
  const visitor = await Visitor.enter(browser, stage.url, { seen, ...look })
  const { page } = visitor
  await visitor.signIn(await stage.memberLink(account, 'Ada', 'developer'))

  await page.goto(`/portal/a/${account}/endpoints/new`)
  const url = page.getByLabel('URL', { exact: true })
  await url.fill('https://bücher.example/in')
  await page.getByText('This host is looked up as xn--bcher-kva.example.').waitFor()
  await url.fill('ftp://hooks.example/in')
  await page.getByText('The URL must start with https://.').waitFor()
  await url.fill(receiver.url)
  await page.getByLabel('All, current and future').check()
  const save = page.getByRole('button', { name: 'Save and send ping' })
  await visitor.losingAnswer('**/endpoint', () => save.click())
  await page.getByRole('alert').filter({ hasText: 'The service did not answer' }).waitFor()
  await save.click()
  await page.getByText(/^Answered 200 in/).waitFor()
  await page.getByRole('button', { name: 'Copy .env line' }).waitFor() // S3.3: the secret is shown where it was made
  const [endpoint = '', ...others] = await stage.idsOf(`/api/v1/app/${account}/endpoint`)
  assert.deepEqual(others, [], 'a lost answer has made two endpoints')
  receiver.trust(await stage.secretOf(account, endpoint))

  await page.goto(`/portal/a/${account}/endpoints/${endpoint}?tab=testing`)
  await page.getByLabel('Event type').selectOption('producersync.npn.activated')
  await page.getByRole('button', { name: 'Send test', exact: true }).last().click()
  await page.getByText(/^Answered 200 in/).waitFor()
  assert.ok(
    receiver.verified.some(({ body }) => body.includes('producersync.npn.activated')),
    'no verified webhook arrived',
  )
  const link = page.getByRole('link', { name: 'See the event ›' }).first()
  const event = (await link.getAttribute('href')) ?? ''

  await checkSignatures(page, receiver)
  assert.ok(performance.now() - startedAt < MINUTES_MAX * 60_000, `longer than ${MINUTES_MAX} minutes`)
  return { visitor, account, receiver, endpoint, event }
}

const OLD_SECONDS = 300

/** A receiver that looks at signatures passes, and the verdict is there when the page is opened again. Source: portal S10.5 */
async function checkSignatures(page: Page, receiver: Receiver): Promise<void> {
  receiver.answer((response, { verified, headers }) => {
    const age = Date.now() / 1_000 - Number(headers['webhook-timestamp'])
    response.writeHead(verified && age < OLD_SECONDS ? 204 : 401).end()
  })
  await page.getByRole('button', { name: 'Check signatures' }).click()
  await page.getByText('Ten minutes old').waitFor()
  await page.getByText('Verifies signatures').waitFor()
  await page.reload()
  await page.getByText('Verifies signatures').waitFor()
  receiver.answer(200)
}

/** What is copied is in the clipboard; where that is blocked it is selected. Source: portal G9 */
async function copyIn(page: Page, { stage }: Setting, path: string, id: string): Promise<void> {
  await page.goto(`${stage.url}${path}`)
  const copy = page.getByRole('button', { name: 'Copy endpoint ID' })
  await copy.click()
  await page.getByText('Copied').first().waitFor()
  assert.equal(await page.evaluate('navigator.clipboard.readText()'), id)
  await page.evaluate('navigator.clipboard.writeText = () => Promise.reject(new Error("blocked"))')
  await copy.click()
  const selected = page.getByLabel('endpoint ID: the clipboard is blocked, press Ctrl+C')
  await selected.waitFor()
  await until('the ID is selected', async () => {
    const text = await page.evaluate<string>(`(({ value, selectionStart, selectionEnd }) =>
      value?.slice(selectionStart, selectionEnd))(document.activeElement)`)
    return text === id || undefined
  })
}

/** A form that asks before it is left, several endpoints at once, and a deletion that asks for a name. Source: portal S2, S3 */
async function manageEndpoints(visitor: Visitor, account: string, receiver: Receiver): Promise<void> {
  const { page } = visitor
  const list = `/portal/a/${account}/endpoints`
  await visitor.open(`${list}/new`)
  await page.getByLabel('URL', { exact: true }).fill(receiver.url)
  await page.getByText('Another endpoint has this URL').waitFor()
  await page.getByLabel('Only these').check()
  await page.getByRole('button', { name: 'Save and send ping' }).click()
  await page.getByText('Choose events, or all of them.').first().waitFor()
  for (const answer of ['dismiss', 'accept'] as const) {
    const asked = page.waitForEvent('dialog').then((dialog) => dialog[answer]())
    await page.getByRole('link', { name: 'Cancel', exact: true }).click()
    await asked
    await page.getByRole('heading', { level: 1, name: answer === 'dismiss' ? 'Add endpoint' : 'Endpoints' }).waitFor()
  }

  await move(visitor, receiver)

  const boxes = page.getByRole('checkbox', { name: /^Select/ })
  await boxes.first().waitFor()
  await boxes.nth(0).check()
  await boxes.nth(1).check()
  await page.getByText('2 endpoints selected').waitFor()
  await page.getByRole('button', { name: 'Disable', exact: true }).click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Disable', exact: true }).click()
  const results = page.getByRole('status').getByText(/: done$/)
  await until('a result of each', async () => (await results.count()) === 2 || undefined)
  await page.locator('tbody').getByText('Disabled').nth(1).waitFor()

  const more = page.getByRole('button', { name: /^More for/ }).first()
  await more.click()
  await page.getByRole('menuitem', { name: 'Replay what failed…' }).click()
  await page.getByText('There is nothing to replay').waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
  await more.click()
  await page.getByRole('menuitem', { name: 'Delete' }).click()
  const dialog = page.getByRole('alertdialog')
  const remove = dialog.getByRole('button', { name: 'Delete' })
  assert.equal(await remove.getAttribute('aria-disabled'), 'true', 'an endpoint is deleted without its name')
  const name = /^Delete (.*)\?$/.exec(await dialog.getByRole('heading').innerText())?.[1] ?? ''
  assert.ok([new URL(receiver.url).host, 'Second'].includes(name), `${name} is not what the list calls it`)
  await dialog.getByRole('textbox').fill(name)
  await remove.click()
  await dialog.waitFor({ state: 'detached' })
  const rows = page.locator('[data-row-link]')
  await until('one endpoint is left', async () => (await rows.count()) === 1 || undefined)
}

/** An endpoint that gets another URL is pinged there, and one that repeats a URL warns. Source: portal S3.2, S3.5 @returns to the list */
async function move({ page }: Visitor, receiver: Receiver): Promise<void> {
  await page.getByRole('button', { name: 'More for Second' }).click()
  await page.getByRole('menuitem', { name: 'Edit' }).click()
  const url = page.getByLabel('URL', { exact: true })
  await url.fill(receiver.url)
  await page.getByText('Another endpoint has this URL').waitFor()
  await url.fill(`${receiver.url}/moved`)
  await page.getByRole('button', { name: 'Save changes' }).click()
  await page.getByText(/^Answered 200 in/).waitFor()
  await page.getByRole('link', { name: 'Endpoints', exact: true }).first().click()
  await page.getByRole('heading', { level: 1, name: 'Endpoints' }).waitFor()
}

/** A disabled endpoint takes tests; what it missed is counted before it is enabled, and sent if that is wished. Source: portal S4.2, S4.3 */
async function enableAgain({ stage }: Setting, visitor: Visitor, account: string, receiver: Receiver): Promise<void> {
  const { page } = visitor
  const path = `/api/v1/app/${account}`
  const [endpoint = ''] = await stage.idsOf(`${path}/endpoint`)
  const missed = await stage.make(`${path}/msg`, { eventType: 'producersync.updates_available', payload: { day: 1 } })
  await visitor.open(`/portal/a/${account}/endpoints/${endpoint}?tab=testing`)
  await page.getByRole('button', { name: 'Send test', exact: true }).last().click()
  await page.getByText(/^Answered 200 in/).waitFor()
  const hasIt = () => receiver.requests.some(({ messageId }) => messageId === missed)
  assert.ok(!hasIt(), 'a disabled endpoint got an event')
  await page.getByRole('button', { name: 'Enable', exact: true }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('1 event was meant for it').waitFor()
  await dialog.getByRole('button', { name: 'Enable and replay 1' }).click()
  await page.waitForURL('**/replays/*')
  await receiver.until(hasIt)
  await page.getByText('Finished').waitFor()
}

/** The same event twice, and two events in the wrong order: both are sent, and the answers shown. Source: portal S10.4 */
async function tryScenarios(page: Page, receiver: Receiver): Promise<void> {
  const both = page.getByRole('button', { name: 'Send both' })
  const before = receiver.requests.length
  await both.first().click()
  await page.getByRole('heading', { name: 'Again, same ID' }).waitFor()
  await both.last().click()
  await page.getByRole('heading', { name: 'Happened earlier' }).waitFor()
  const sent = receiver.requests.slice(before)
  assert.equal(sent.length, 4)
  assert.equal(sent[0]?.messageId, sent[1]?.messageId, 'another event was sent, not the same again')
  const [later = '', earlier = ''] = sent.slice(2).map(({ body }) => momentOf(body))
  assert.ok(earlier < later, `${earlier} is not before ${later}`)
}

/** A command line that listens is sent the test in place of the endpoint, and what its program answered is shown. Source: portal S10 */
async function testAtDesk({ stage }: Setting, page: Page, account: string): Promise<void> {
  const path = `/api/v1/app/${account}/cli-session`
  const session = await stage.make(path, { device: 'a desk in the rig', forwardTo: 'http://localhost:4000/in' })
  await page.getByLabel('To', { exact: true }).selectOption(session, { timeout: 15_000 })
  const sent = page.waitForResponse((answer) => answer.url().endsWith('/test-event'))
  await page.getByRole('button', { name: 'Send test', exact: true }).last().click()
  const { id }: { id: string } = await (await sent).json()
  const result = { eventId: id, responseStatusCode: 503, durationMs: 12, failureClass: 'http_busy' }
  await stage.ok('POST', `${path}/${session}/result`, result, { token: stage.keys.sandbox })
  await page.getByText('Status 503 after 12 ms').waitFor()
}

function momentOf(body: Buffer): string {
  const { timestamp }: { timestamp: string } = JSON.parse(body.toString())
  return timestamp
}
