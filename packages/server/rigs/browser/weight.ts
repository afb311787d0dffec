import { buildPages, type Pages, readPages } from '../../src/portal/built-pages.ts'

/** In kB (1,000 bytes) as they go over the wire: compressed where that is smaller. Source: portal 12 */
export type Weight = { logKbGzip: number; chartsKbGzip: number; cssKbGzip: number; fontsKb: number }

const IMPORTED = /(?:from|import)\s*"(\.\/[^"]+\.js)"/g
const KB = 1_000

/** What the log weighs beside what any page loads first, and charts beside what the log has too. */
export async function weighPages(): Promise<Weight> {
  const pages = await readPages(await buildPages())
  const first = withImports(pages, entryOf(pages))
  const log = withImports(pages, chunkOf(pages, 'log-screen'))
  const charts = withImports(pages, chunkOf(pages, 'outcome-chart'))
  const all = (ending: string) =>
    kb(
      [...pages.files.keys()].filter((file) => file.endsWith(ending)),
      pages,
    )
  return {
    logKbGzip: kb(
      [...log].filter((file) => !first.has(file)),
      pages,
    ),
    chartsKbGzip: kb(
      [...charts].filter((file) => !first.has(file) && !log.has(file)),
      pages,
    ),
    cssKbGzip: all('.css'),
    fontsKb: all('.woff2'),
  }
}

function entryOf({ index }: Pages): string {
  const [, file] = /<script type="module"[^>]* src="\/portal\/([^"]+)"/.exec(index) ?? []
  if (file === undefined) throw new Error('the page names no script to begin with')
  return file
}

function chunkOf({ files }: Pages, name: string): string {
  const file = [...files.keys()].find((path) => path.startsWith(`assets/${name}-`) && path.endsWith('.js'))
  if (file === undefined) throw new Error(`no part of the pages is called ${name}`)
  return file
}

/** A script with those that it cannot do without. */
function withImports(pages: Pages, file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found
  found.add(file)
  for (const [, path = ''] of String(pages.files.get(file)?.bytes ?? '').matchAll(IMPORTED))
    withImports(pages, `assets/${path.slice(2)}`, found)
  return found
}

function kb(names: readonly string[], { files }: Pages): number {
  const bytes = names.reduce((sum, name) => {
    const file = files.get(name)
    return sum + (file?.gzipped ?? file?.bytes ?? Buffer.alloc(0)).length
  }, 0)
  return Math.round(bytes / (KB / 10)) / 10
}
