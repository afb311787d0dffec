import MiniSearch, { type SearchResult } from 'minisearch'
import { type Part, searchOptions } from './search-options.ts'

const FOUND_MAX = 12

/** The field in the head of the page: `/` leads to it, the arrow keys from it through what was found. */
export function addSearch(): void {
  const box = document.querySelector<HTMLElement>('.search')
  const field = box?.querySelector('input')
  const found = box?.querySelector<HTMLElement>('.found')
  const told = box?.querySelector<HTMLElement>('.told')
  if (!box || !field || !found || !told) return
  box.hidden = false
  const root = document.body.dataset.root ?? './'
  let index: Promise<MiniSearch<Part>> | undefined
  let asked = 0

  const close = () => {
    found.hidden = true
    told.textContent = ''
  }
  const search = async () => {
    const query = field.value.trim()
    asked += 1
    const mine = asked
    if (query === '') return close()
    index ??= readIndex(root)
    try {
      const results = (await index).search(query).slice(0, FOUND_MAX) as (SearchResult & Part)[]
      if (mine !== asked) return
      found.replaceChildren(...results.map(({ href, title, page }) => linkTo(`${root}${href}`, title, page)))
      found.hidden = results.length === 0
      told.textContent = results.length === 0 ? 'Nothing found' : `${results.length} found`
    } catch {
      index = undefined
      told.textContent = 'The index could not be loaded'
    }
  }
  field.addEventListener('input', () => void search())
  field.addEventListener('focus', () => void search())
  document.addEventListener('keydown', (event) => {
    const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement
    if (event.key !== '/' || isTyping || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    field.focus()
  })
  box.addEventListener('keydown', (event) => {
    const stops: (Element | null)[] = [field, ...found.querySelectorAll('a')]
    const at = stops.indexOf(document.activeElement)
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (step !== 0) {
      event.preventDefault()
      const next = stops[Math.max(0, Math.min(stops.length - 1, at + step))]
      if (next instanceof HTMLElement) next.focus()
    } else if (event.key === 'Escape') {
      close()
      field.focus()
    } else if (event.key === 'Enter' && document.activeElement === field) {
      found.querySelector('a')?.click()
    }
  })
  box.addEventListener('focusout', ({ relatedTarget }) => {
    if (!(relatedTarget instanceof Node && box.contains(relatedTarget))) close()
  })
}

async function readIndex(root: string): Promise<MiniSearch<Part>> {
  const answer = await fetch(`${root}search-index.json`)
  if (!answer.ok) throw new Error(String(answer.status))
  return MiniSearch.loadJSON(await answer.text(), searchOptions)
}

function linkTo(href: string, title: string, page: string): HTMLAnchorElement {
  const link = document.createElement('a')
  link.href = href
  link.textContent = title
  if (page !== title) {
    const where = document.createElement('small')
    where.textContent = page
    link.append(where)
  }
  return link
}
