import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { Slugs } from '../site/headings.ts'

const LINK = /\]\(([^)\s]+)\)/g
const FENCE = /^```[\s\S]*?^```/gm
/** Pages that are made of the description of the API, and of it alone. */
const API_PAGES = /\/docs\/reference\/api\/[^/]*[.]md$/

/** Checks that what pages link to within the repository is there, headings included. @returns what is not */
export function brokenLinks(root: string, files: readonly string[]): { checked: number; broken: string[] } {
  let checked = 0
  const broken: string[] = []
  for (const file of files) {
    const text = readFileSync(file, 'utf8').replaceAll(FENCE, '')
    for (const [, target = ''] of text.matchAll(LINK)) {
      if (/^[a-z]+:/.test(target)) continue
      const [path = '', anchor] = target.split('#')
      const to = path === '' ? file : resolve(dirname(file), path)
      if (API_PAGES.test(to)) continue // the built site's check follows these
      checked += 1
      const isThere = existsSync(to) && (anchor === undefined || anchorsOf(to).has(anchor))
      if (!isThere) broken.push(`${relative(root, file)}: ${target}`)
    }
  }
  return { checked, broken }
}

function anchorsOf(file: string): Set<string> {
  if (statSync(file).isDirectory()) return new Set()
  const text = readFileSync(file, 'utf8').replaceAll(FENCE, '')
  const slugs = new Slugs()
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => slugs.next(heading))
  return new Set([...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id)])
}
