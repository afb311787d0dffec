import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Break } from './options.ts'

/** One change of a source file: what stands there, and what a careless hand would have written. */
type Plant = { file: string; from: string; to: string }

/**
 * The bugs of the rig, as changes of the product's sources while they are loaded: no setting and no argument of the product
 * reaches any of them. A text that is not there any more fails the start, so a plant cannot silently do nothing.
 */
const PLANTS: Record<Break, readonly Plant[]> = {
  'guard-off': [
    {
      file: 'address-policy.ts',
      from: 'if (isWithin(bytes, operatorRanges)) return false',
      to: 'if (operatorRanges) return true',
    },
    {
      file: 'address-policy.ts',
      from: 'return isRefused ? ADDRESS_NOT_ALLOWED : undefined',
      to: 'return isRefused ? undefined : undefined',
    },
  ],
  // a name may lead anywhere
  'any-address': [
    {
      file: 'attempt.ts',
      from: 'if (!bytes || !isAddressAllowed(bytes, refusedRanges)) return undefined',
      to: 'if (!bytes || refusedRanges === undefined) return undefined',
    },
  ],
  'follow-redirects': [
    {
      file: 'outgoing.ts',
      from: '  post(post: Post): Promise<PostResult> {\n    return new Promise(',
      to: `  async post(post: Post): Promise<PostResult> {
    const result = await this.postOnce(post)
    const location = result.kind === 'attempted' && (result.outcome.status ?? 0) < 400 && result.headers.location
    return location ? await this.postOnce({ ...post, url: new URL(location, post.url).href }) : result
  }

  postOnce(post: Post): Promise<PostResult> {
    return new Promise(`,
    },
  ],
  'no-deadline': [{ file: 'attempt.ts', from: 'deadlines.after(timeoutMs,', to: 'deadlines.after(timeoutMs * 3,' }],
  'unbounded-body': [
    { file: 'exchange.ts', from: 'const READ_BYTES_MAX = 65_536', to: 'const READ_BYTES_MAX = 65_536 * 64' },
  ],
}

const OUTGOING = new URL('../../src/adapters/outgoing/', import.meta.url)

/** Plants a bug into what this process loads from now on. */
export function plant(bug: Break): void {
  const changes = Map.groupBy(PLANTS[bug], ({ file }) => new URL(file, OUTGOING).href)
  for (const [url, plants] of changes) changed(readFileSync(fileURLToPath(url), 'utf8'), plants)
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context)
      const plants = changes.get(url)
      return plants ? { ...loaded, source: changed(textOf(loaded.source), plants) } : loaded
    },
  })
}

function textOf(source: string | NodeJS.ArrayBufferView | ArrayBuffer | undefined): string {
  return typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString() // a file's text comes as one or the other
}

function changed(source: string, plants: readonly Plant[]): string {
  return plants.reduce((text, { file, from, to }) => {
    if (text.split(from).length !== 2) throw new Error(`${file} does not hold what a plant replaces: ${from}`)
    return text.replace(from, () => to)
  }, source)
}
