import assert from 'node:assert/strict'
import type { Locator, Page } from 'playwright-core'
import type { Setting } from '../setting.ts'
import { Visitor } from '../visitor.ts'
import { until } from '../world.ts'
import { restOfPath } from './rest-of-path.ts'

/** More than any screen here has places for the focus. */
const TABS_MAX = 300

/**
 * The whole main path, from a login link to the daily signal, by keys alone: what is used is come to by Tab, and a page that is pressed or clicked by a
 * pointer fails. Source: portal G7, 13
 */
export async function keysAlone({ browser, stage, seen }: Setting): Promise<void> {
  const receiver = stage.receiver(7)
  receiver.reset()
  const account = await stage.make('/api/v1/app', { name: 'Keys Alone' })
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  const { page, context } = visitor
  let pointers = 0
  await context.exposeBinding('noteUsedPointer', () => {
    pointers += 1
  })
  await context.addInitScript(`addEventListener('pointerdown', () => noteUsedPointer(), true)`)

  await visitor.signIn(
    await stage.memberLink(account, 'Keys', 'developer'),
    async (button) => await press(page, button, 'Enter'),
  )
  await visitor.settled()
  await page.keyboard.press('g')
  await page.keyboard.press('e')
  await page.getByRole('heading', { level: 1, name: 'Endpoints' }).waitFor()
  await arrive(visitor)
  await press(page, page.getByRole('link', { name: 'Add endpoint' }).first(), 'Enter')
  await page.getByRole('heading', { level: 1, name: 'Add endpoint' }).waitFor()
  await arrive(visitor)
  await tabTo(page, page.getByLabel('URL', { exact: true }))
  await page.keyboard.type(receiver.url)
  await press(page, page.getByLabel('All, current and future'), 'Space')
  await press(page, page.getByRole('button', { name: 'Save and send ping' }), 'Enter')
  await page.getByText(/^Answered 200 in/).waitFor()
  const endpoint = await until('the endpoint', async () => (await stage.idsOf(`/api/v1/app/${account}/endpoint`))[0])
  receiver.trust(await stage.secretOf(account, endpoint))

  await press(page, page.getByRole('link', { name: 'Open the endpoint' }), 'Enter')
  await arrive(visitor)
  await press(page, page.getByRole('link', { name: 'Testing', exact: true }), 'Enter')
  await visitor.settled()
  await press(page, page.getByRole('button', { name: 'Send test', exact: true }).last(), 'Enter')
  await page.getByText(/^Answered 200 in/).waitFor()
  assert.equal(receiver.verified.length, 1, 'no verified webhook arrived')
  await press(page, page.getByRole('link', { name: 'See the event ›' }).first(), 'Enter')
  await page.waitForURL('**/events/*')
  await arrive(visitor)
  await page.getByText('Delivered').first().waitFor()

  const goTo = async (place: string) => {
    await page.keyboard.press('Escape')
    await press(
      page,
      page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: place, exact: true }),
      'Enter',
    )
    await arrive(visitor)
  }
  const type = async (wanted: Locator, text: string) => {
    await tabTo(page, wanted)
    await page.keyboard.insertText(text)
  }
  const choose = async (wanted: Locator, label: string) => {
    await tabTo(page, wanted)
    await page.keyboard.type(label)
  }
  const hand = { press: (wanted: Locator) => press(page, wanted, 'Enter'), type, choose, goTo }
  await restOfPath({ visitor, stage, receiver, account }, hand)
  assert.equal(pointers, 0, 'a pointer was used')
  await visitor.leave()
}

/** Waits for the next screen, which takes the focus for its heading: before that, keys would still go to the last one. */
async function arrive(visitor: Visitor): Promise<void> {
  const heading = visitor.page.locator('h1:focus')
  await heading.waitFor()
  await visitor.settled()
  await heading.waitFor() // of the screen with its data, where that is another one
}

async function press(page: Page, wanted: Locator, key: 'Enter' | 'Space'): Promise<void> {
  await tabTo(page, wanted)
  await page.keyboard.press(key)
}

/** Goes on by Tab until the focus is there. @throws an error when it does not come there */
async function tabTo(page: Page, wanted: Locator): Promise<void> {
  await wanted.and(page.locator(':not([aria-disabled="true"])')).waitFor()
  const focused = wanted.and(page.locator(':focus'))
  for (let tabs = 0; tabs < TABS_MAX; tabs += 1) {
    if ((await focused.count()) === 1) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`${TABS_MAX} times Tab do not lead to “${await wanted.innerText()}”`)
}
