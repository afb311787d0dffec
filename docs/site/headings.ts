/** The anchor of a heading, as code hosts make it: pages are read there too. */
export function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-')
}

/** Gives each heading of a page its anchor; a second one of the same words gets `-1`. */
export class Slugs {
  readonly #seen = new Map<string, number>()

  next(heading: string): string {
    const slug = slugOf(heading)
    const count = this.#seen.get(slug)
    this.#seen.set(slug, (count ?? 0) + 1)
    return count === undefined ? slug : `${slug}-${count}`
  }
}
