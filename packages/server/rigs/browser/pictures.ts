import { mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SCREENS } from './screens.ts'
import type { Setting } from './setting.ts'
import { type Scheme, Visitor } from './visitor.ts'

const FOLDER = fileURLToPath(new URL('../../../../docs/portal/', import.meta.url))
const BYTES_MAX = 160_000

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
      const path = join(FOLDER, `${name}-${scheme}.png`)
      await visitor.page.screenshot({ path, animations: 'disabled' })
      const { size } = statSync(path)
      if (size > BYTES_MAX) report.faults.push(`${name}-${scheme}.png has ${size} bytes, more than ${BYTES_MAX}`)
    }
    await visitor.leave()
  }
  writeFileSync(join(FOLDER, 'README.md'), tour(taken))
}

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
