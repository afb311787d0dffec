/**
 * Writes a population to play with: NPNs as they look, of 7 to 9 digits, the same ones on every run.
 *   node examples/generate-population.ts > examples/population-10k.csv
 */

const SEED = 0x5eed
const COUNT = 10_000
/** How many of a hundred have so many digits: numbers were given out in ascending order, most of them with 8. */
const SHARES = [
  { digits: 7, share: 20 },
  { digits: 8, share: 65 },
  { digits: 9, share: 15 },
] as const
/** Those with which a sandbox account starts. */
const PRELOADED = ['15645555', '19855109']

/**
 * @param count  how many NPNs; a shorter population is the start of a longer one
 * @returns CSV: the header `npn`, then one NPN a line, none of them twice
 */
export function generatePopulation(count = COUNT): string {
  const random = mulberry32(SEED)
  const npns = new Set<string>()
  while (npns.size < count) {
    const npn = String(draw(random))
    if (!PRELOADED.includes(npn)) npns.add(npn)
  }
  return `npn\n${[...npns].join('\n')}\n`
}

function draw(random: () => number): number {
  let percent = random() * 100
  const chosen = SHARES.find(({ share }) => {
    percent -= share
    return percent < 0
  })
  const lowest = 10 ** ((chosen?.digits ?? 9) - 1)
  return lowest + Math.floor(random() * 9 * lowest)
}

/** A small generator with 32 bits of state: 0 ≤ number < 1. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

if (import.meta.main) process.stdout.write(generatePopulation())
