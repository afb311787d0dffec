import { buildDocs } from '#src/portal/built-docs.ts'
import { PagesNotBuilt } from '#src/portal/built-folder.ts'
import { buildPages } from '#src/portal/built-pages.ts'

/** `npm run build`: makes the portal's pages and the documentation, which the service else makes when it starts. Shows their folders. */
try {
  process.stdout.write(`${await buildPages()}\n${await buildDocs()}\n`)
} catch (error) {
  if (!(error instanceof PagesNotBuilt)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
