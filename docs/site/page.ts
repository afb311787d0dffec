import { dirname, join } from 'node:path'
import { Marked, type Tokens } from 'marked'
import { Slugs } from './headings.ts'
import { highlight } from './highlight.ts'
import { escapeHtml, textOf } from './html.ts'
import { linkFrom, type Source, sitePathOf } from './sources.ts'

export type Heading = { id: string; depth: number; text: string }

/** A page as it is shown, before its frame is put around it. `files` are those it shows, from the root of the repository. */
export type Page = {
  path: string
  title: string
  /** Its first sentence: whom it is for, or what it says. */
  summary: string
  body: string
  headings: Heading[]
  /** As Markdown, its links leading to other pages as Markdown. */
  markdown: string
  files: string[]
}

const COMMENT = /<!--[\s\S]*?-->\n?/g
const ADDRESSES = /\b(src|srcset|href)="([^"]+)"/g

/** @throws where a page has no title */
export function toPage(source: Source, isPage: (path: string) => boolean): Page {
  const headings: Heading[] = []
  const files = new Set<string>()
  const slugs = new Slugs()
  const resolve = (target: string): Target => targetOf(source, target, isPage)
  const show = (file: string): string => {
    files.add(file)
    return linkFrom(source.path, siteFileOf(file))
  }
  const marked = new Marked({
    gfm: true,
    renderer: {
      heading({ tokens, depth }: Tokens.Heading) {
        const html = this.parser.parseInline(tokens)
        const text = textOf(html)
        const id = slugs.next(text)
        headings.push({ id, depth, text })
        if (depth === 1) return `<h1>${html}</h1>\n`
        return `<h${depth} id="${id}">${html} <a class="anchor" href="#${id}" aria-label="Link to “${escapeHtml(text)}”">#</a></h${depth}>\n`
      },
      code({ text, lang = '' }: Tokens.Code) {
        return `<div class="code"><pre tabindex="0"><code>${highlight(text, lang)}</code></pre></div>\n`
      },
      table(token: Tokens.Table) {
        const cells = (row: Tokens.TableCell[], tag: string) =>
          row.map(({ text, tokens }) => cellHtml(text === '' ? 'td' : tag, this.parser.parseInline(tokens))).join('')
        const hasHead = token.header.some(({ text }) => text !== '')
        const head = hasHead ? `<thead><tr>${cells(token.header, 'th')}</tr></thead>` : ''
        const rows = token.rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('\n')
        return `<div class="table" role="group" aria-label="Table" tabindex="0"><table>${head}<tbody>${rows}</tbody></table></div>\n`
      },
      blockquote({ tokens }: Tokens.Blockquote) {
        return `<div class="note" role="note">${this.parser.parse(tokens)}</div>\n`
      },
      link({ href, tokens }: Tokens.Link) {
        const html = this.parser.parseInline(tokens)
        const target = resolve(href)
        if (target.kind === 'outside') return `<a href="${escapeHtml(href)}" rel="noreferrer">${html}</a>`
        if (target.kind === 'file') return `<span class="file" title="${target.file} in the repository">${html}</span>`
        return `<a href="${linkFrom(source.path, target.path)}${target.anchor}">${html}</a>`
      },
      checkbox() {
        return '☐ ' // it is read, not filled in
      },
      image({ href, text }: Tokens.Image) {
        return `<img src="${show(within(source.file, href))}" alt="${escapeHtml(text)}" loading="lazy">`
      },
      html({ text }: Tokens.HTML | Tokens.Tag) {
        return text
          .replaceAll(COMMENT, '')
          .replaceAll('<img ', '<img loading="lazy" ')
          .replaceAll(ADDRESSES, (_, name: string, to: string) => `${name}="${show(within(source.file, to))}"`)
      },
    },
  })
  const body = marked.parse(source.markdown, { async: false })
  const title = headings.find(({ depth }) => depth === 1)?.text
  if (title === undefined) throw new Error(`${source.file} has no title`)
  return {
    path: source.path,
    title,
    summary: textOf(/<p>(?!<img)([\s\S]*?)<\/p>/.exec(body)?.[1] ?? ''),
    body,
    headings,
    markdown: markdownOf(source, resolve),
    files: [...files],
  }
}

/** A head without words is no head. */
function cellHtml(tag: string, html: string): string {
  return `<${tag}>${html}</${tag}>`
}

/** What a link of a page leads to. A file of the repository that is no page is not on the site: its path is said. */
type Target = { kind: 'outside' } | { kind: 'page'; path: string; anchor: string } | { kind: 'file'; file: string }

function targetOf({ file, path }: Source, target: string, isPage: (path: string) => boolean): Target {
  if (/^[a-z]+:/.test(target)) return { kind: 'outside' }
  const [to = '', fragment] = target.split('#')
  const anchor = fragment === undefined ? '' : `#${fragment}`
  if (to === '') return { kind: 'page', path, anchor }
  const found = within(file, to)
  const page = sitePathOf(found) ?? sitePathOf(`${found}/README.md`)
  if (page !== null && isPage(page)) return { kind: 'page', path: page, anchor }
  if (isDescription(found)) return { kind: 'page', path: siteFileOf(found), anchor }
  return { kind: 'file', file: found }
}

/** Descriptions for machines are served as they are. */
function isDescription(file: string): boolean {
  return /^docs\/.*[.]json$/.test(file) || file === 'packages/server/openapi.json'
}

/** Where a file that is no page stands on the site. */
export function siteFileOf(file: string): string {
  return file.replace(/^docs\//, '').replace(/^packages\/server\//, '')
}

function within(file: string, to: string): string {
  return join(dirname(file), to).replaceAll('\\', '/').replace(/\/$/, '')
}

/** For readers that are machines: what the site shows, without the marks of what is generated. */
function markdownOf(source: Source, resolve: (target: string) => Target): string {
  let isCode = false
  const lines = source.markdown
    .replaceAll(/<!--[\s\S]*?-->\n?/g, '')
    .split('\n')
    .map((line) => {
      if (line.startsWith('```')) isCode = !isCode
      if (isCode) return line
      return line.replaceAll(/\]\(([^)\s]+)\)/g, (whole, to: string) => {
        const target = resolve(to)
        if (target.kind !== 'page') return whole
        const isFile = target.path.endsWith('.json')
        return `](${linkFrom(source.path, isFile ? target.path : markdownPathOf(target.path))}${target.anchor})`
      })
    })
  return lines.join('\n')
}

export function markdownPathOf(path: string): string {
  return `${path || 'index'}.md`
}
