import type { Options } from 'minisearch'

/** A part of a page that can be found; `href` is from the first page. */
export type Part = { id: string; href: string; page: string; title: string; text: string }

/** The same where the index is made and where it is read. */
export const searchOptions: Options<Part> = {
  fields: ['title', 'page', 'text'],
  storeFields: ['href', 'page', 'title'],
  searchOptions: { boost: { title: 4, page: 2 }, prefix: true, fuzzy: 0.15, combineWith: 'AND' },
}
