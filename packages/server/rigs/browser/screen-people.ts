import type { Visitor } from './visitor.ts'

/** Ages and clocks go on, and sessions are of their people. */
const MOVING: readonly (readonly [RegExp, string])[] = [
  [/\b(in )?\d+ (s|min|h|d)( ago)?\b/g, 'AGE'],
  [/\b(now|Never)\b/g, 'AGE'],
  [/\b\d{2}:\d{2}:\d{2}(\.\d{3})?\b/g, 'TIME'],
  [/(?<=^Its clock shows ).+$/gm, 'TIME'],
]

/** What an address shows is in it: a colleague in the same zone reads the same. Source: portal G1 */
export async function sameAddressSameText(visitor: Visitor, colleague: Visitor, path: string): Promise<string[]> {
  await colleague.open(path)
  const [here, there] = await Promise.all([textOf(visitor), textOf(colleague)])
  const other = there.find((line, index) => line !== here[index])
  if (here.length === there.length && other === undefined) return []
  return [`its address shows a colleague something else, from “${other ?? here[there.length]}” on`]
}

async function textOf({ page }: Visitor): Promise<string[]> {
  const parts = await page.locator('main, [role="dialog"]').allInnerTexts()
  const text = MOVING.reduce((whole, [moving, word]) => whole.replaceAll(moving, word), parts.join('\n'))
  return text.split('\n').filter((line) => line.trim() !== '')
}

/** Buttons that only read, or are of the reader's own browser and session. */
const READS =
  /^(Copy |Clear|Save view|Select all|Export|Pause live|Resume live|Retry|‹ Newer|Older ›|Find$|API and CLI|More for|Sign out|Compare|Close|Previous attempt|Next attempt|Filters|.*(Show|Hide) what is in it|Show \d|Dismiss|Download (schema|example)|Preview |Choose another|Calendar)/

/** Who may only look finds no control that changes something: it is not there, or off with its reason. Source: portal 13 */
export async function viewersControls(viewer: Visitor, path: string): Promise<string[]> {
  await viewer.open(path)
  const names = await viewer.page.evaluate<string[]>(ENABLED)
  return [...new Set(names)].filter((name) => !READS.test(name)).map((name) => `a viewer may press “${name}”`)
}

/** Tabs and choices of what is shown are radios. */
const ENABLED = `[...document.querySelectorAll('main button:not([role="radio"]), [role="dialog"] button:not([role="radio"])')]
  .filter((button) => button.getAttribute('aria-disabled') !== 'true' && !button.disabled && button.offsetParent !== null)
  .map((button) => (button.getAttribute('aria-label') ?? button.textContent).trim())`
