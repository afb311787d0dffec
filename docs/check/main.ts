import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { regenerate } from './generated.ts'
import { brokenLinks } from './links.ts'
import { checkSnippets } from './snippets.ts'

const HELP = `Usage: npm run -s test:docs -- [--json] [--update]
Runs the snippets of all languages over good and bad cases, checks links, and that what pages take from the code is as the code has it.
  --update   write it into the pages anew
  --json     the report alone, as one line
`
const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** Exit codes: 0 all is well · 1 something is not. */
async function main(): Promise<void> {
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({ options: { json: flag, update: flag, help: flag } })
  if (values.help) return void process.stdout.write(HELP)
  const pages = markdown(join(ROOT, 'docs'))
  const drifted = pages.filter((page) => {
    const before = readFileSync(page, 'utf8')
    const now = regenerate(page, before)
    if (values.update && now !== before) writeFileSync(page, now)
    return now !== before
  })
  const readmes = ['README.md', 'packages/receiver/README.md', 'packages/cli/README.md'].map((path) => join(ROOT, path))
  const { checked, broken } = brokenLinks(ROOT, [...pages, ...readmes])
  const snippets = await checkSnippets()
  const faults = [
    ...(values.update
      ? []
      : drifted.map((page) => `${page.slice(ROOT.length)}: not as the code has it; npm run -s test:docs -- --update`)),
    ...broken.map((link) => `broken link: ${link}`),
    ...snippets.failed,
  ]
  for (const fault of faults) process.stderr.write(`${fault}\n`)
  const report = {
    snippets: { run: snippets.run.length, failed: snippets.failed.length, notRun: snippets.notRun },
    links: { checked, broken: broken.length },
    pages: pages.length,
    drift: values.update ? 0 : drifted.length,
  }
  process.stdout.write(`${JSON.stringify(report)}\n`)
  process.exitCode = faults.length === 0 ? 0 : 1
}

function markdown(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}

await main()
