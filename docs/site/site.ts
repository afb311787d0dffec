import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleAssets, type SiteFile } from './assets.ts'
import { changelogFeed } from './changelog-feed.ts'
import { framed } from './frame.ts'
import { llmsFullText, llmsText } from './machine-texts.ts'
import { navigationOf, neighboursOf } from './navigation.ts'
import { markdownPathOf, type Page, siteFileOf, toPage } from './page.ts'
import { searchIndex } from './search-index.ts'
import { ROOT, readSources } from './sources.ts'

/** What is served as it is, beside the pages. */
const DESCRIPTIONS = ['packages/server/openapi.json', 'docs/asyncapi.json', 'docs/schemas/*.json']
/** Whoever runs the service reads its pages one by one; operations of the API are in openapi.json. */
const NOT_IN_FULL_TEXT = /^(reference\/api|runbooks|decisions)(\/|$)|^(performance|reliability|changelog)$/

export type Site = { pages: readonly Page[]; files: readonly SiteFile[] }

/** The whole site. @throws where a page has no title, or the navigation names one that is not there */
export async function makeSite(): Promise<Site> {
  const sources = readSources()
  const paths = new Set(sources.map(({ path }) => path))
  const pages = sources.map((source) => toPage(source, (path) => paths.has(path)))
  const sections = navigationOf(pages)
  const { assets, files } = await bundleAssets()
  const shown = [...new Set(pages.flatMap((page) => page.files)), ...globSync(DESCRIPTIONS, { cwd: ROOT })]
  return {
    pages,
    files: [
      ...files,
      ...pages.flatMap((page) => [
        { path: htmlPathOf(page.path), bytes: framed(page, { sections, assets, ...neighboursOf(sections, page) }) },
        { path: markdownPathOf(page.path), bytes: page.markdown },
      ]),
      { path: 'search-index.json', bytes: searchIndex(pages.filter(({ path }) => !path.startsWith('decisions/'))) },
      { path: 'changelog.atom', bytes: changelogFeed(readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8')) },
      { path: 'llms.txt', bytes: llmsText(sections) },
      { path: 'llms-full.txt', bytes: llmsFullText(pages.filter(({ path }) => !NOT_IN_FULL_TEXT.test(path))) },
      ...shown.map((file) => ({ path: siteFileOf(file), bytes: readFileSync(join(ROOT, file)) })),
    ],
  }
}

/** The file of a page; hosts of static files answer with it at the path without `.html`, as the service does. */
export function htmlPathOf(path: string): string {
  return `${path || 'index'}.html`
}
