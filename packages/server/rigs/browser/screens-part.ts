import { isNamed } from './options.ts'
import { offeredBy, runOffered } from './screen-commands.ts'
import { sameAddressSameText, viewersControls } from './screen-people.ts'
import { opensTabs, showStates } from './screen-states.ts'
import { FORBIDDEN, SCREENS, type Screen, STAFF_SCREENS } from './screens.ts'
import type { Setting } from './setting.ts'
import { type Scheme, Visitor } from './visitor.ts'

type Look = { scheme: Scheme; width: number }
const LOOKS: readonly Look[] = (['light', 'dark'] as const).flatMap((scheme) =>
  [360, 768, 1440].map((width) => ({ scheme, width })),
)
/** Rare states have the same parts in other arrangements: both themes and both ends of the widths, by turns. */
const LOOKS_OF_FORCED: readonly Look[] = [
  { scheme: 'light', width: 360 },
  { scheme: 'dark', width: 1440 },
]
let turn = 0
function nextLook(): readonly Look[] {
  turn += 1
  return LOOKS_OF_FORCED.slice(turn % LOOKS_OF_FORCED.length).slice(0, 1)
}
/** As many as there are cores on the machines that check. */
const LANES = 2

/** Who looks: somebody who may do everything, a colleague with the same rights, and who may only look. Staff look alone. */
type People = { visitor: Visitor; colleague: Visitor; viewer: Visitor | null; offered: Offered[] }
type Offered = Awaited<ReturnType<typeof offeredBy>>[number]

/** Every screen, in both themes and three widths, and lists in the states that are rare: none may have a finding. */
export async function lookAtScreens(setting: Setting, wanted: string): Promise<void> {
  const { report } = setting
  const chosen = (of: readonly Screen[]) => of.filter(({ name }) => isNamed(name, wanted))
  const [waiting, forbidden, ofStaff] = [chosen(SCREENS), chosen(FORBIDDEN), chosen(STAFF_SCREENS)]
  report.screens = waiting.length + forbidden.length + ofStaff.length
  await Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      await lookThrough(setting, waiting, await peopleOfAccount(setting, lane), forbidden)
      await lookThrough(setting, ofStaff, await staff(setting), [])
    }),
  )
}

async function peopleOfAccount({ browser, stage, world, seen }: Setting, lane: number): Promise<People> {
  const enter = async (link: string) => {
    const visitor = await Visitor.enter(browser, stage.url, { seen })
    await visitor.signIn(link)
    return visitor
  }
  return {
    visitor: await enter(await stage.memberLink(world.account, `Ada ${lane}`, 'admin')),
    colleague: await enter(await stage.memberLink(world.account, `Grace ${lane}`, 'admin')),
    viewer: await enter(await stage.memberLink(world.account, `Alan ${lane}`, 'viewer')),
    offered: [],
  }
}

async function staff({ browser, stage, seen }: Setting): Promise<People> {
  const visitor = await Visitor.enter(browser, stage.url, { seen })
  await visitor.signIn(await stage.staffLink())
  const colleague = await Visitor.enter(browser, stage.url, { seen })
  await colleague.signIn(await stage.staffLink())
  return { visitor, colleague, viewer: null, offered: [] }
}

async function lookThrough(setting: Setting, waiting: Screen[], people: People, forbidden: Screen[]): Promise<void> {
  const { report } = setting
  for (let screen = waiting.shift(); screen; screen = waiting.shift()) {
    await noting(report, screen, lookAt(setting, people, screen))
  }
  const { viewer, visitor, colleague, offered } = people
  report.faults.push(...(await runOffered(offered, await environmentOf(setting, colleague, viewer !== null))))
  for (let screen = viewer && forbidden.shift(); viewer && screen; screen = forbidden.shift()) {
    await noting(report, screen, lookAtForbidden(setting, viewer, screen))
  }
  await Promise.all([visitor.leave(), colleague.leave(), viewer?.leave()])
}

/** Of a shell in which the token of that person stands. */
async function environmentOf({ stage, world }: Setting, { page }: Visitor, isOfAccount: boolean) {
  const body = JSON.stringify(isOfAccount ? { account: world.account } : {})
  const token = await page.evaluate<string>(`fetch('/portal/session/token', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: ${JSON.stringify(body)}
  }).then((answer) => answer.json()).then(({ token }) => token)`)
  return { PSAPI_TOKEN: token, PSAPI_URL: stage.url, PSAPI_ACCOUNT: world.account }
}

async function noting(report: Setting['report'], { name }: Screen, looking: Promise<void>): Promise<void> {
  try {
    await looking
  } catch (error) {
    report.faults.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function lookAtForbidden(setting: Setting, viewer: Visitor, screen: Screen): Promise<void> {
  await viewer.open(screen.path(setting.world))
  await viewer.page.getByText('Not for your role').first().waitFor()
  await inLooks(nextLook(), setting, viewer, screen.name)
}

async function lookAt(setting: Setting, people: People, screen: Screen): Promise<void> {
  const { visitor, colleague, viewer, offered } = people
  const { report } = setting
  const path = screen.path(setting.world)
  await visitor.resize(1440, 900)
  await visitor.open(path)
  const error = await visitor.errorShown()
  if ((error !== null) !== (screen.isRefusal === true)) report.faults.push(`${screen.name} shows an error: ${error}`)
  const faults = await Promise.all([
    screen.isOwn ? [] : sameAddressSameText(visitor, colleague, path),
    ...(viewer && !screen.isOutside ? [viewersControls(viewer, path)] : []),
  ])
  report.faults.push(...faults.flat().map((fault) => `${screen.name}: ${fault}`))
  if (screen.isOwn) await colleague.open(path)
  if (!screen.isOutside) offered.push(...(await offeredBy(colleague, screen.name)))
  await inLooks(LOOKS, setting, visitor, screen.name)
  await fit(setting, visitor, screen.name)
  await narrow(setting, visitor, screen.name)
  await noticePwned(setting, visitor, screen.name)
  if (!screen.isOutside) await noticeEnvironment(setting, visitor, screen.name)
  report.faults.push(...(await opensTabs(visitor, screen)))
  report.faults.push(
    ...(await showStates(visitor, screen, path, async (state) => {
      await inLooks(nextLook(), setting, visitor, `${screen.name}, ${state}`)
    })),
  )
}

async function inLooks(looks: readonly Look[], { report }: Setting, visitor: Visitor, name: string): Promise<void> {
  for (const { scheme, width } of looks) {
    await visitor.page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' })
    await visitor.resize(width, 900)
    const found = await visitor.axe({ isOnlyOfColours: scheme === 'dark' && looks.length > 1 })
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
