import { escapeHtml } from './html.ts'
import type { Section } from './navigation.ts'
import { type Heading, markdownPathOf, type Page } from './page.ts'
import { linkFrom } from './sources.ts'

/** Files that every page uses, by where they stand on the site. */
export type Assets = { style: string; theme: string; script: string; mark: string; fonts: readonly string[] }

/** The whole page. Nothing in it is inline: the policy it is served under allows no script and no style but those of files. */
export function framed(
  page: Page,
  { sections, assets, before, after }: { sections: readonly Section[]; assets: Assets; before?: Page; after?: Page },
): string {
  const to = (path: string) => linkFrom(page.path, path)
  const title = page.path === '' ? 'ProducerSync documentation' : `${page.title} – ProducerSync documentation`
  const fonts = assets.fonts.map(
    (font) => `<link rel="preload" as="font" type="font/woff2" href="${to(font)}" crossorigin>`,
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${escapeHtml(page.summary.slice(0, 300))}">
<title>${escapeHtml(title)}</title>
<script src="${to(assets.theme)}"></script>
<link rel="stylesheet" href="${to(assets.style)}">
${fonts.join('\n')}
<link rel="icon" href="${to(assets.mark)}" type="image/svg+xml">
<link rel="alternate" type="text/markdown" href="${to(markdownPathOf(page.path))}">
<script type="module" src="${to(assets.script)}"></script>
</head>
<body data-root="${to('')}">
<a class="skip" href="#content">To the content</a>
<header class="top">
<a class="home" href="${to('')}"><img src="${to(assets.mark)}" alt="" width="24" height="24"> ProducerSync <span>Docs</span></a>
<button class="menu" type="button" aria-expanded="false" aria-controls="navigation" hidden>Menu</button>
<search class="search" hidden>
<input type="search" aria-label="Search the documentation" placeholder="Search" autocomplete="off" spellcheck="false" aria-keyshortcuts="/">
<div class="found" hidden></div>
<p class="told" role="status"></p>
</search>
<button class="theme" type="button" hidden>Dark</button>
</header>
<div class="frame">
<nav id="navigation" class="sections" aria-label="Pages">
${sections.map((section) => sectionHtml(section, page, to)).join('\n')}
</nav>
<main id="content" tabindex="-1">
<article>
${page.body}
</article>
<footer>
<nav class="neighbours" aria-label="Next pages">
${neighbour('Before', before, to)}
${neighbour('Next', after, to)}
</nav>
<p><a href="${to(markdownPathOf(page.path))}">This page as Markdown</a></p>
</footer>
</main>
${contents(page.headings)}
</div>
</body>
</html>
`
}

function sectionHtml({ title, pages, folded }: Section, current: Page, to: (path: string) => string): string {
  const items = pages.map((page) => {
    const mark = page === current ? ' aria-current="page"' : ''
    return `<li><a href="${to(page.path)}"${mark}>${escapeHtml(shortTitle(page))}</a></li>`
  })
  const list = `<ul>${items.join('')}</ul>`
  if (!folded) return `<h2>${title}</h2>${list}`
  if (pages.includes(current)) return `<details open><summary>${title}</summary>${list}</details>`
  const [first] = pages
  // all their links in every page would be most of what the page weighs
  return first ? `<p><a href="${to(first.path)}">${title}</a></p>` : ''
}

function shortTitle({ path, title }: Page): string {
  if (path === '') return 'Introduction'
  return title.replace(/^API: /, '').replace(/^(\d+)[.] /, '$1 ')
}

function neighbour(word: string, page: Page | undefined, to: (path: string) => string): string {
  if (!page) return '<span></span>'
  return `<a href="${to(page.path)}"><small>${word}</small> ${escapeHtml(page.title)}</a>`
}

const CONTENTS_MIN = 2

function contents(headings: readonly Heading[]): string {
  const shown = headings.filter(({ depth }) => depth === 2)
  if (shown.length < CONTENTS_MIN) return ''
  const items = shown.map(({ id, text }) => `<li><a href="#${id}">${escapeHtml(text)}</a></li>`)
  return `<nav class="contents" aria-label="On this page"><h2>On this page</h2><ul>${items.join('')}</ul></nav>`
}
