import type { Principal } from './principal.ts'

/** Who asks for something, as an attempt remembers it: what kind of credential, and which. */
export function requesterOf({ kind, tokenId }: Principal): string {
  return `${kind} ${tokenId}`
}
