/**
 * Bytes of many rows as one binary parameter, which needs no escaping of each: `substring(bytes from start for length)`. `starts`
 * has null where there are none.
 */
export function joinPieces(pieces: readonly (Uint8Array | null)[]): {
  bytes: Buffer
  starts: (number | null)[]
  lengths: number[]
} {
  let end = 1
  const starts = pieces.map((piece) => {
    const start = end
    end += piece?.length ?? 0
    return piece && start
  })
  return {
    bytes: Buffer.concat(pieces.filter((piece) => piece !== null)),
    starts,
    lengths: pieces.map((piece) => piece?.length ?? 0),
  }
}

/** The first of each name, and of which of these each item is: 1, 2, …, so that what many have in common is given once. */
export function firstsByName<Item>(
  items: readonly Item[],
  nameOf: (item: Item) => string | null,
): { firsts: Item[]; numbers: number[] } {
  const firsts: Item[] = []
  const known = new Map<string | null, number>()
  const numbers = items.map((item) => {
    const name = nameOf(item)
    const number = known.get(name) ?? firsts.push(item)
    known.set(name, number)
    return number
  })
  return { firsts, numbers }
}
