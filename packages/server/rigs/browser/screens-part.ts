import { SCREENS, type Screen, STAFF_SCREENS } from './screens.ts'
import type { Setting } from './setting.ts'
import { FORCED_HEADER, type Scheme, Visitor } from './visitor.ts'

type Look = { scheme: Scheme; width: number }
const LOOKS: readonly Look[] = (['light', 'dark'] as const).flatMap((scheme) =>
  [360, 768, 1440].map((width) => ({ scheme, width })),
)
/** Rare states have the same parts in other arrangements: both themes and both ends of the widths, once each. */
const LOOKS_OF_FORCED: readonly Look[] = [
  { scheme: 'light', width: 360 },
  { scheme: 'dark', width: 1440 },
]
/** As many as there are cores on the machines that check. */
const VISITORS = 2

/** States of a list that a stub brings about; the service itself never fails on demand. Source: portal G3 */
const FORCED = {
  loading: async () => await new Promise<never>(() => {}),
  empty: async () => ({ status: 200, json: { data: [], iterator: null, prevIterator: null, done: true } }),
  failed: async () => ({ status: 500, json: { code: 'server_error', detail: 'Forced.' } }),
} as const

/** Every screen, in both themes and three widths, and lists in the states that are rare: none may have a finding. */
export async function lookAtScreens(setting: Setting): Promise<void> {
  const { stage, world, report } = setting
  report.screens = SCREENS.length + STAFF_SCREENS.length
  const waiting = [...SCREENS]
  await Promise.all(
    Array.from({ length: VISITORS }, async () =>
      lookThrough(setting, waiting, await stage.link(world.account, { capabilities: ALL })),
    ),
  )
  await lookThrough(setting, [...STAFF_SCREENS], await stage.staffLink())
}

async function lookThrough(setting: Setting, waiting: Screen[], link: string): Promise<void> {
  const { browser, stage, seen, report } = setting
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  await visitor.signIn(link)
  for (let screen = waiting.shift(); screen; screen = waiting.shift()) {
    try {
      await lookAt(setting, visitor, screen)
    } catch (error) {
      report.faults.push(`${screen.name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  await visitor.leave()
}

const ALL = [
  'ViewBase',
  'ViewEndpointSecret',
  'ManageEndpointSecret',
  'ManageEndpoint',
  'CreateAttempts',
  'ManagePopulation',
]

async function lookAt(setting: Setting, visitor: Visitor, screen: Screen): Promise<void> {
  const path = screen.path(setting.world)
  await visitor.open(path)
  const error = await visitor.errorShown()
  if (error !== null) setting.report.faults.push(`${screen.name} shows an error: ${error}`)
  await inLooks(LOOKS, setting, visitor, screen.name)
  await fit(setting, visitor, screen.name)
  await narrow(setting, visitor, screen.name)
  await noticePwned(setting, visitor, screen.name)
  // where a command line is let in stands outside
  if (!path.startsWith('/portal/cli-login')) await noticeEnvironment(setting, visitor, screen.name)
  if (!screen.list) return
  await middleClick(setting, visitor, screen)
  for (const [state, answer] of Object.entries(FORCED)) {
    const { list } = screen
    const isList = (url: URL) => /^\/(api\/)?v1\//.test(url.pathname) && list.test(url.pathname)
    await visitor.page.route(isList, async (route) => {
      if (route.request().method() !== 'GET') return await route.continue()
      const forced = await answer()
      await route.fulfill({ ...forced, headers: { [FORCED_HEADER]: state } })
    })
    await visitor.page.goto(path)
    await visitor.page.locator('h1').first().waitFor()
    if (state !== 'loading') await visitor.settled()
    await inLooks(LOOKS_OF_FORCED, setting, visitor, `${screen.name}, ${state}`)
    await visitor.page.unrouteAll({ behavior: 'ignoreErrors' })
  }
}

async function inLooks(looks: readonly Look[], { report }: Setting, visitor: Visitor, name: string): Promise<void> {
  for (const { scheme, width } of looks) {
    await visitor.page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
    await visitor.resize(width, 900)
    const found = await visitor.axe()
    report.states += 1
    report.axeViolations += found.length
    report.faults.push(...found.slice(0, 3).map((text) => `axe: ${name}, ${scheme}, ${width}: ${text}`))
    const wide = await visitor.page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
    if (wide > 1) report.faults.push(`${name}, ${width}: scrolls sideways by ${wide} px`)
  }
}

/** Lists have much in a row and, between the widths of the looks, little room: they are whole there, and a delivery is a line. */
async function fit({ report }: Setting, visitor: Visitor, name: string): Promise<void> {
  for (const width of WIDTHS_BETWEEN) {
    await visitor.resize(width, 900)
    const cut = await visitor.page.evaluate<number>(LISTS_CUT)
    if (cut > 0) report.faults.push(`${name}, ${width}: ${cut} lists have to be scrolled sideways`)
  }
  if (name !== 'log') return
  const high = await visitor.page.evaluate<number>(ROWS_OF_LINES)
  if (high > 0) report.faults.push(`${name}, ${WIDTHS_BETWEEN.at(-1)}: ${high} rows take more than one line`)
}

const WIDTHS_BETWEEN = [1024, 1280]
const LISTS_CUT = `[...document.querySelectorAll('[data-listing]')].filter((list) => list.scrollWidth > list.clientWidth + 1).length`
const ROWS_OF_LINES = `[...document.querySelectorAll('[data-listing] tbody tr')].filter((row) => row.offsetHeight > 48).length`

/** 1280 CSS pixels at 400 %: one way to scroll; and in forced colours nothing vanishes into its ground. Source: portal G8 */
async function narrow({ report }: Setting, visitor: Visitor, name: string): Promise<void> {
  await visitor.resize(320, 256)
  const wide = await visitor.page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
  if (wide > 1) report.faults.push(`${name}, 320 px: scrolls sideways by ${wide} px`)
  await visitor.page.emulateMedia({ forcedColors: 'active' })
  const bare = await visitor.page.evaluate<number>(BUTTONS_WITHOUT_EDGE)
  if (bare > 0) report.faults.push(`${name}, forced colours: ${bare} buttons have no edge`)
  await visitor.page.emulateMedia({ forcedColors: 'none' })
}

/** Backgrounds go in forced colours: a button is one by its border, or by being underlined as a link. */
const BUTTONS_WITHOUT_EDGE = `[...document.querySelectorAll('main button')].filter((button) => {
  const { borderStyle, borderWidth, display, textDecorationLine } = getComputedStyle(button)
  return display !== 'none' && button.offsetParent !== null && (borderStyle === 'none' || borderWidth === '0px')
    && textDecorationLine !== 'underline' && button.textContent.trim() !== ''
}).length`

async function noticePwned({ report }: Setting, visitor: Visitor, name: string): Promise<void> {
  const pwned = await visitor.page.evaluate<unknown>('window.pwned')
  if (pwned !== undefined && pwned !== null)
    report.faults.push(`${name}: a stored string was run: ${JSON.stringify(pwned)}`)
}

/** Where one is stands on every screen, also where there is little room. Source: portal S0.6 */
async function noticeEnvironment({ report }: Setting, visitor: Visitor, name: string): Promise<void> {
  const said = visitor.page.getByText(/^Sandbox/).filter({ visible: true })
  if ((await said.count()) === 0) report.faults.push(`${name}: does not say in which environment it is`)
}

/** Rows are links. Source: portal G2 */
async function middleClick({ report }: Setting, visitor: Visitor, { name }: Screen): Promise<void> {
  await visitor.resize(1440, 900)
  const row = visitor.page.locator('[data-row-link]').first()
  if ((await row.count()) === 0) return
  const opened = visitor.context.waitForEvent('page').catch(() => undefined)
  await row.click({ button: 'middle' })
  const tab = await opened
  if (!tab) report.faults.push(`${name}: a middle click on a row opens no tab`)
  await tab?.close()
}
