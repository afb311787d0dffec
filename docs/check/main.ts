import { globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeSite } from '../site/site.ts'
import { isBuilt, ROOT } from '../site/sources.ts'
import { accessibilityFaults } from './accessibility.ts'
import { unknownCommands } from './commands.ts'
import { descriptionFiles, driftedDescriptions } from './descriptions.ts'
import { regenerate } from './generated.ts'
import { brokenLinks } from './links.ts'
import { breaks, keepAsReleased } from './released.ts'
import { brokenSiteLinks } from './site-links.ts'
import { checkSnippets } from './snippets.ts'
import { invalidDescriptions } from './valid.ts'

const HELP = `Usage: npm run -s test:docs -- [--json] [--update] [--release]
Runs the snippets of all languages over good and bad cases; builds the site and follows its links; looks at every page in Chromium;
and checks that pages and descriptions for machines are as the code has them, and take nothing away from the last release.
  --update   write what pages and descriptions take from the code, and do no more
  --release  keep the API as it is now as what has been released, and do no more
  --json     the report alone, as one line
`

/** Exit codes: 0 all is well · 1 something is not. */
async function main(): Promise<void> {
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({ options: { json: flag, update: flag, release: flag, help: flag } })
  if (values.help) return void process.stdout.write(HELP)
  if (values.release) return keepAsReleased()
  const pages = globSync('docs/**/*.md', { cwd: ROOT, exclude: isBuilt })
    .map((file) => join(ROOT, file))
    .toSorted()
  if (values.update) return update(pages)

  const readmes = ['README.md', 'packages/receiver/README.md', 'packages/cli/README.md'].map((path) => join(ROOT, path))
  const drifted = [
    ...pages.filter((page) => regenerate(page, readFileSync(page, 'utf8')) !== readFileSync(page, 'utf8')),
    ...driftedDescriptions(),
  ].map((file) => `${file.replace(ROOT, '')}: not as the code has it; npm run -s test:docs -- --update`)
  const untrue = [...drifted, ...unknownCommands([...pages, ...readmes]), ...invalidDescriptions()]
  const broken = breaks()
  const site = await makeSite()
  const links = [brokenLinks(ROOT, [...pages, ...readmes]), brokenSiteLinks(site)]
  const dead = links.flatMap((checked) => checked.broken)
  const snippets = await checkSnippets()
  const inBrowser = await accessibilityFaults(site)

  const faults = [
    ...untrue,
    ...broken.map(
      (what) => `a break with the last release: ${what}; if it is meant: npm run -s test:docs -- --release`,
    ),
    ...dead.map((link) => `broken link: ${link}`),
    ...snippets.failed,
    ...inBrowser,
  ]
  for (const fault of faults) process.stderr.write(`${fault}\n`)
  const report = {
    snippets: { run: snippets.run.length, failed: snippets.failed.length, notRun: snippets.notRun },
    links: { checked: links.reduce((sum, { checked }) => sum + checked, 0), broken: dead.length },
    pages: site.pages.length,
    axeViolations: inBrowser.length,
    drift: untrue.length,
    breaking: broken.length,
  }
  process.stdout.write(`${JSON.stringify(report)}\n`)
  process.exitCode = faults.length === 0 ? 0 : 1
}

function update(pages: readonly string[]): void {
  for (const page of pages) {
    const before = readFileSync(page, 'utf8')
    const now = regenerate(page, before)
    if (now !== before) writeFileSync(page, now)
  }
  for (const [file, text] of descriptionFiles()) writeFileSync(join(ROOT, file), text)
}

await main()
