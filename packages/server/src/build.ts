import { buildPages, PagesNotBuilt } from '#src/portal/built-pages.ts'

/** `npm run build`: makes the portal's pages, which the service else makes when it starts. Shows their folder. */
try {
  process.stdout.write(`${await buildPages()}\n`)
} catch (error) {
  if (!(error instanceof PagesNotBuilt)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
