import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { SCREENS } from './screens.ts'
import type { Setting } from './setting.ts'
import { type Scheme, Visitor } from './visitor.ts'

const FOLDER = fileURLToPath(new URL('../../../../docs/portal/', import.meta.url))
const BYTES_MAX = 160_000
/** Of the pixels; a picture that differs less stays as it is. Source: portal 13 */
const DIFFERING_MAX = 0.005

/** The screens of the tour, in its order, with what is said of each. */
const TOUR = [
  ['home', 'Home', 'How things are, in one sentence; what needs attention; the daily signal.'],
  ['endpoints', 'Endpoints', 'Every endpoint with its state and since when.'],
  ['endpoint', 'An endpoint', 'Why it fails, what to do, and when it would be disabled.'],
  ['log', 'Event log', 'Every delivery; what is filtered is in the address, and can be replayed.'],
  [
    'event',
    'An event',
    'The payload as it is sent, and what became of it at each endpoint, also at those that did not get it.',
  ],
  ['attempt', 'An attempt', 'One request: where the time went, what came back, what to do.'],
  ['replays', 'Replays', 'Jobs that send again what failed or was missed.'],
  ['issues', 'Issues', 'Failures by endpoint and cause.'],
  ['catalog-type', 'Event catalogue', 'When an event fires, its schema, an example, and code that receives it.'],
  ['producers', 'Producers', 'The monitored population.'],
  ['runs', 'Daily runs', 'Each day of NIPR data, and what it changed.'],
  ['developers', 'Developers', 'Keys, addresses, and a quick start with the account’s own ids.'],
] as const
const SCHEMES: readonly Scheme[] = ['light', 'dark']

/** Takes the pictures of docs/portal, light and dark, and writes the page that shows them. */
export async function takePictures({ browser, stage, world, seen, report }: Setting): Promise<void> {
  mkdirSync(FOLDER, { recursive: true })
  const capabilities = ['ViewBase', 'ViewEndpointSecret', 'ManageEndpointSecret', 'ManageEndpoint', 'CreateAttempts']
  const taken = new Set<string>()
  const judge = await browser.newPage()
  for (const scheme of SCHEMES) {
    const visitor = await Visitor.enter(browser, stage.url, { seen, scheme, width: 1280, height: 800 })
    await visitor.signIn(await stage.link(world.account, { capabilities: [...capabilities, 'ManagePopulation'] }))
    for (const [name] of TOUR) {
      const screen = SCREENS.find((each) => each.name === name)
      if (!screen) throw new Error(`there is no screen ${name}`)
      await visitor.open(screen.path(world))
      const error = await visitor.errorShown()
      if (error !== null) {
        report.faults.push(`${name} has no picture, for it shows an error: ${error}`)
        continue
      }
      taken.add(name)
      const file = `${name}-${scheme}.png`
      const picture = await visitor.page.screenshot({ animations: 'disabled' })
      if (picture.length > BYTES_MAX) report.faults.push(`${file} has ${picture.length} bytes, more than ${BYTES_MAX}`)
      const path = join(FOLDER, file)
      const differing = existsSync(path) ? await shareDiffering(judge, readFileSync(path), picture) : 1
      if (differing <= DIFFERING_MAX) continue
      writeFileSync(path, picture)
      report.picturesToReview.push(`${file}: ${(differing * 100).toFixed(1)} %`)
    }
    await visitor.leave()
  }
  await judge.close()
  writeFileSync(join(FOLDER, 'README.md'), tour(taken))
}

/** How many of the pixels of two pictures differ to the eye, 0 to 1. */
async function shareDiffering(page: Page, before: Buffer, after: Buffer): Promise<number> {
  const pictures = JSON.stringify([before, after].map((picture) => picture.toString('base64')))
  return await page.evaluate<number>(`(async () => {
    const pixelsOf = async (base64) => {
      const bitmap = await createImageBitmap(await (await fetch('data:image/png;base64,' + base64)).blob())
      const drawing = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')
      drawing.drawImage(bitmap, 0, 0)
      return drawing.getImageData(0, 0, bitmap.width, bitmap.height)
    }
    const [before, after] = await Promise.all(${pictures}.map(pixelsOf))
    if (before.width !== after.width || before.height !== after.height) return 1
    let differing = 0
    for (let at = 0; at < before.data.length; at += 4) {
      if ([0, 1, 2].some((channel) => Math.abs(before.data[at + channel] - after.data[at + channel]) > ${NOTICED}))
        differing += 1
    }
    return differing / (before.width * before.height)
  })()`)
}

/** Of 255, of one colour. */
const NOTICED = 16

function tour(taken: ReadonlySet<string>): string {
  const parts = TOUR.filter(([name]) => taken.has(name)).map(
    ([name, title, text]) => `## ${title}

${text}

<picture>
  <source media="(prefers-color-scheme: dark)" srcset="${name}-dark.png">
  <img alt="${title}" src="${name}-light.png" width="1280">
</picture>
`,
  )
  return `# A tour of the portal

The pages that customers' developers and operations people see, at \`/portal/\` of the service. Everything shown here is done with the public
API. The pictures are made by \`npm run -s portal-pictures\`, from the service as it is.

${parts.join('\n')}`
}
