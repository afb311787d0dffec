import assert from 'node:assert/strict'
import type { Stage } from '../stage.ts'
import type { Visitor } from '../visitor.ts'
import { until, type World } from '../world.ts'

const PLACES = [
  ['e', 'Endpoints'],
  ['r', 'Replays'],
  ['i', 'Issues'],
  ['p', 'Producers'],
  ['d', 'Daily runs'],
  ['h', 'Northwind Agency'],
  ['l', 'Event log'],
] as const

/** Each key of the list does what it says, none does in a field, and none while they are switched off. Source: portal 9, G7 */
export async function everyKey(visitor: Visitor, stage: Stage, world: World): Promise<void> {
  const { page, context } = visitor
  const { keyboard } = page
  for (const [key, name] of PLACES) {
    await keyboard.press('g')
    await keyboard.press(key)
    await page.getByRole('heading', { level: 1, name }).and(page.locator(':focus')).waitFor()
    assert.ok((await page.title()).startsWith(name), `the title of ${name} is ${await page.title()}`)
  }
  await visitor.settled()
  await rowKeys(visitor)
  await keyboard.press('.')
  await page
    .getByRole('status')
    .filter({ hasText: /^Paused$/ })
    .waitFor()
  await keyboard.press('.')
  await page
    .getByRole('status')
    .filter({ hasText: /^(Live|Reconnecting)$/ })
    .waitFor()

  const utc = page.getByRole('button', { name: 'Time zone: UTC, UTC' })
  await keyboard.press('u')
  await utc.waitFor()
  await keyboard.press('u')
  await utc.waitFor({ state: 'detached' })
  await keyboard.press('/')
  const box = page.getByLabel('Go to an NPN or ID')
  await box.and(page.locator(':focus')).waitFor()
  await keyboard.type('u?')
  assert.equal(await box.inputValue(), 'u?', 'a key has acted in a field')
  await box.fill('')
  await box.blur()
  for (const key of ['u', '.', '/', 'g l', 'r']) await page.locator(`[aria-keyshortcuts="${key}"]`).first().waitFor()

  await page.evaluate(`localStorage.setItem('psapi.shortcuts', 'off')`)
  await keyboard.press('u')
  await keyboard.press('?')
  assert.equal((await utc.count()) + (await page.getByRole('dialog').count()), 0, 'a key acts that is switched off')
  await page.evaluate(`localStorage.removeItem('psapi.shortcuts')`)

  const opened = context.waitForEvent('page')
  await page.locator('[data-row-link]').first().focus()
  await keyboard.press('o')
  const tab = await opened
  assert.match(tab.url(), /\/events\/msg_/)
  await tab.close()
  await siblings(visitor, stage, world)
}

async function rowKeys({ page }: Visitor): Promise<void> {
  const { keyboard } = page
  const at = async () =>
    await page.evaluate<number>(`[...document.querySelectorAll('[data-row-link]')].indexOf(document.activeElement)`)
  const walked: number[] = []
  for (const key of ['j', 'j', 'k', 'ArrowDown', 'ArrowUp']) {
    await keyboard.press(key)
    walked.push(await at())
  }
  assert.deepEqual(walked, [0, 1, 0, 1, 0], 'j, k and the arrows do not walk the rows')
  for (const [key, said] of [
    ['x', '1 selected'],
    ['c', 'Copied'],
  ] as const) {
    await keyboard.press(key)
    await page.getByText(said).first().waitFor()
  }
  assert.match(await page.evaluate<string>('navigator.clipboard.readText()'), /^msg_[0-9A-Za-z]{27}$/)
  await keyboard.press('x')
  await page.getByText('1 selected').waitFor({ state: 'detached' })
  await keyboard.press('r')
  await page.getByRole('dialog', { name: 'Replay deliveries' }).waitFor()
  await keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.locator('[data-row] :focus').waitFor()
}

/** The attempts before and after the one that is shown. */
async function siblings({ page }: Visitor, stage: Stage, world: World): Promise<void> {
  const event = `/portal/a/${world.account}/events/${world.event}`
  const key = { token: stage.keys.sandbox }
  const list = `/api/v1/app/${world.account}/attempt/msg/${world.event}`
  const first = await until('a second attempt', async () => {
    const { data }: { data: { id: string; endpointId: string }[] } = await stage.ok('GET', list, undefined, key)
    const ofOne = data.filter(({ endpointId }) => endpointId === world.failing)
    return ofOne.length > 1 ? ofOne.at(-1) : undefined
  })
  await page.goto(`${event}?attempt=${first.id}`)
  const title = (number: number) =>
    page.getByRole('dialog').getByRole('heading', { name: new RegExp(`Attempt ${number}`) })
  await title(1).waitFor()
  await page.keyboard.press(']')
  await title(2).waitFor()
  await page.keyboard.press('[')
  await title(1).waitFor()
  await page.keyboard.press('Escape')
}
