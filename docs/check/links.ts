import { existsSync, readFileSync, statSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'

const LINK = /\]\(([^)\s]+)\)/g
const FENCE = /^```[\s\S]*?^```/gm

/** Checks that what pages link to within the repository is there, headings included. @returns what is not */
export function brokenLinks(root: string, files: readonly string[]): { checked: number; broken: string[] } {
  let checked = 0
  const broken: string[] = []
  for (const file of files) {
    const text = readFileSync(file, 'utf8').replaceAll(FENCE, '')
    for (const [, target = ''] of text.matchAll(LINK)) {
      if (/^[a-z]+:/.test(target)) continue
      checked += 1
      const [path = '', anchor] = target.split('#')
      const to = path === '' ? file : resolve(dirname(file), path)
      const isThere = existsSync(to) && (anchor === undefined || anchorsOf(to).has(anchor))
      if (!isThere) broken.push(`${relative(root, file)}: ${target}`)
    }
  }
  return { checked, broken }
}

/** As code hosts make them of headings. */
function anchorsOf(file: string): Set<string> {
  if (statSync(file).isDirectory()) return new Set()
  const text = readFileSync(file, 'utf8').replaceAll(FENCE, '')
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(/\s/g, '-'),
  )
  return new Set([...headings, ...[...text.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id)])
}
