import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'

const LINES_PER_PAGE = 65_536
/** Of an id, what follows `msg_`. */
export const ID_BYTES = 27

type Page = { ids: Buffer; numbers: Float64Array }
export type Line = { id: string; at: number; other: number }

/** Lines of an id and two numbers, kept as bytes: millions of them cost no garbage while something is measured. */
export class Notebook {
  readonly #pages: Page[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** @param start  where in `source` the 27 characters of the id begin */
  add(source: Buffer, start: number, at: number, other: number): void {
    const line = this.#size % LINES_PER_PAGE
    if (line === 0) this.#pages.push(blankPage(LINES_PER_PAGE))
    const page = this.#pages.at(-1)
    if (!page) throw new RangeError('a notebook without a page')
    source.copy(page.ids, line * ID_BYTES, start, start + ID_BYTES)
    page.numbers[line * 2] = at
    page.numbers[line * 2 + 1] = other
    this.#size += 1
  }

  write(path: string): void {
    const file = openSync(path, 'w')
    for (const { ids, numbers } of this.#pages) {
      writeSync(file, ids)
      writeSync(file, new Uint8Array(numbers.buffer))
    }
    closeSync(file)
  }
}

/** The lines of a notebook that another process has written. @param size  how many it had */
export function* readNotebook(path: string, size: number): Generator<Line> {
  const bytes = readFileSync(path)
  for (let line = 0; line < size; line += 1) {
    const page = Math.floor(line / LINES_PER_PAGE) * LINES_PER_PAGE * (ID_BYTES + 16)
    const row = line % LINES_PER_PAGE
    const id = page + row * ID_BYTES
    const numbers = page + LINES_PER_PAGE * ID_BYTES + row * 16
    yield {
      id: bytes.toString('latin1', id, id + ID_BYTES),
      at: bytes.readDoubleLE(numbers),
      other: bytes.readDoubleLE(numbers + 8),
    }
  }
}

function blankPage(lines: number): Page {
  return { ids: Buffer.alloc(lines * ID_BYTES), numbers: new Float64Array(lines * 2) }
}
