import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { FAILURE_CLASSES } from '../../packages/server/src/delivery/failure-classes.ts'
import { htmlPathOf, type Site } from '../site/site.ts'
import { ROOT } from '../site/sources.ts'

const BASE = '/docs/'
const LINK = /\b(?:href|src|srcset)="([^"]+)"/g
const ID = /\bid="([^"]+)"/g

/** Every link, picture, script and style of the built site leads to a file of it, and every anchor is there. Sources are none of it. */
export function brokenSiteLinks({ pages, files }: Site): { checked: number; broken: string[] } {
  const texts = new Map(files.map(({ path, bytes }) => [path, typeof bytes === 'string' ? bytes : '']))
  const ids = new Map([...texts].map(([path, html]) => [path, new Set([...html.matchAll(ID)].map(([, id]) => id))]))
  let checked = 0
  const broken: string[] = []
  const check = (from: string, target: string) => {
    checked += 1
    const { pathname, hash, host } = new URL(target, `http://site${BASE}${from}`)
    const path = posix.relative(BASE, decodeURIComponent(pathname))
    const file = [htmlPathOf(path), path].find((name) => texts.has(name))
    const isThere = host === 'site' && file !== undefined && (hash === '' || ids.get(file)?.has(hash.slice(1)))
    if (!isThere) broken.push(`/docs/${from}: ${target}`)
  }
  for (const { path } of pages) {
    for (const [, target = ''] of (texts.get(htmlPathOf(path)) ?? '').matchAll(LINK)) {
      if (!/^(https?|mailto):/.test(target)) check(path, target.replaceAll('&amp;', '&'))
    }
  }
  for (const target of linksOfTheService()) check('', target)
  return { checked, broken }
}

/** Where failures and alerts send people. */
function linksOfTheService(): string[] {
  const rules = readFileSync(join(ROOT, 'ops/prometheus/rules.yml'), 'utf8')
  return [
    ...Object.keys(FAILURE_CLASSES).map((name) => `${BASE}troubleshooting#${name}`),
    ...[...rules.matchAll(/runbook_url: (\S+)/g)].map(([, url = '']) => url),
  ]
}
