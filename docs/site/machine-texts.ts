import type { Section } from './navigation.ts'
import { markdownPathOf, type Page } from './page.ts'

const INTRODUCTION = `# ProducerSync

> ProducerSync monitors insurance producers (NPNs) for an account, serves their licence data from NIPR, and sends a signed webhook (Standard Webhooks 1.0.0) the moment something about them changes. At least once, retried for days, replayable.
`
const DESCRIPTIONS = `## Descriptions for machines

- [openapi.json](openapi.json): OpenAPI 3.1, the whole API and its webhooks
- [asyncapi.json](asyncapi.json): AsyncAPI 3, the events
- [schemas](reference/machines.md): JSON Schema 2020-12 of each event
`

/** An index of all pages for language models, as Markdown with links to Markdown. @see https://llmstxt.org */
export function llmsText(sections: readonly Section[]): string {
  const lists = sections.map(({ title, pages }) => {
    const items = pages.map((page) => `- [${page.title}](${markdownPathOf(page.path)}): ${page.summary}`)
    return `## ${title}\n\n${items.join('\n')}\n`
  })
  return [INTRODUCTION, ...lists, DESCRIPTIONS].join('\n')
}

/** The pages for receivers and for callers of the API, whole, in one text; the operations of the API are in openapi.json. */
export function llmsFullText(pages: readonly Page[]): string {
  const texts = pages.map(({ path, markdown }) => `<!-- ${markdownPathOf(path)} -->\n\n${markdown.trim()}\n`)
  return [INTRODUCTION, ...texts].join('\n\n')
}
