import type { Page } from './page.ts'

/** A part of the navigation; what is `folded` shows its pages only where one of them is open. */
export type Section = { title: string; pages: readonly Page[]; folded: boolean }

/** By the reader: who receives, who calls the API, who runs the service. */
const WRITTEN: readonly { title: string; paths: readonly string[] }[] = [
  { title: 'Start', paths: ['', 'quick-start', 'overview', 'portal'] },
  {
    title: 'Receive webhooks',
    paths: [
      'verify-signatures',
      'handle-events',
      'best-practices',
      'events',
      'test-locally',
      'replay',
      'troubleshooting',
      'source-addresses',
      'security',
    ],
  },
  {
    title: 'Use the API',
    paths: ['api', 'population', 'producers-data', 'limits', 'versioning', 'migrate-from-svix'],
  },
  {
    title: 'Reference',
    paths: ['reference/api', 'reference/cli', 'reference/psapi', 'reference/webhooks-package', 'reference/machines'],
  },
]
const API = 'API operations'

/**
 * Every page is in one section. Those of `docs/` that nobody has put elsewhere are for whoever runs the service: a new page of
 * operations needs no line here.
 */
export function navigationOf(pages: readonly Page[]): Section[] {
  const byPath = new Map(pages.map((page) => [page.path, page]))
  const named = WRITTEN.map(({ title, paths }) => ({
    title,
    folded: false,
    pages: paths.map((path) => {
      const page = byPath.get(path)
      if (!page) throw new Error(`the navigation names ${path}, which is no page`)
      return page
    }),
  }))
  const placed = new Set(named.flatMap((section) => section.pages))
  const rest = pages.filter((page) => !placed.has(page))
  const within = (folder: string) => rest.filter(({ path }) => path === folder || path.startsWith(`${folder}/`))
  const folders = { [API]: 'reference/api', Runbooks: 'runbooks', Decisions: 'decisions' }
  const folded = Object.entries(folders).map(([title, folder]) => ({ title, pages: within(folder), folded: true }))
  const inFolders = new Set(folded.flatMap((section) => section.pages))
  const operations = rest.filter((page) => !inFolders.has(page) && page.path !== 'changelog')
  const first = (page: Page) => (page.path === 'operations' ? 0 : 1)
  const sections = [
    ...named,
    ...folded.filter(({ title }) => title === API),
    { title: 'Run the service', folded: false, pages: operations.toSorted((a, b) => first(a) - first(b)) },
    ...folded.filter(({ title }) => title !== API),
    { title: 'Changes', folded: false, pages: rest.filter(({ path }) => path === 'changelog') },
  ]
  return sections.filter((section) => section.pages.length > 0)
}

/** The page before and after this one, in the order of the navigation. */
export function neighboursOf(sections: readonly Section[], page: Page): { before?: Page; after?: Page } {
  const inOrder = sections.flatMap((section) => section.pages)
  const index = inOrder.indexOf(page)
  const [before, after] = [inOrder[index - 1], inOrder[index + 1]]
  return { ...(before && { before }), ...(after && { after }) }
}
