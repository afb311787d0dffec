import MiniSearch from 'minisearch'
import { searchOptions } from './browser/search-options.ts'
import { textOf } from './html.ts'
import type { Page } from './page.ts'

const WORDS_MAX = 400

/** What can be found: each part of a page under its heading. It is searched in the browser; nothing is sent anywhere. */
export function searchIndex(pages: readonly Page[]): string {
  const index = new MiniSearch(searchOptions)
  for (const page of pages) {
    const [first = '', ...rest] = page.body.split(/(?=<h[23] id=")/)
    index.add({ id: page.path, href: page.path, page: page.title, title: page.title, text: words(first) })
    for (const part of rest) {
      const [, anchor = ''] = /^<h[23] id="([^"]+)"/.exec(part) ?? []
      const title = page.headings.find(({ id }) => id === anchor)?.text ?? ''
      const href = `${page.path}#${anchor}`
      index.add({ id: href, href, page: page.title, title, text: words(part.replace(/^<h[23].*?<\/h[23]>/, '')) })
    }
  }
  return JSON.stringify(index)
}

function words(html: string): string {
  return textOf(html).split(' ').slice(0, WORDS_MAX).join(' ')
}
