declare const brand: unique symbol

/** A National Producer Number: a text, never padded or trimmed, never a JSON number. */
export type Npn = string & { readonly [brand]: 'Npn' }

export const NPN = /^[1-9][0-9]{0,9}$/

/** The NPN that this text is, or undefined for any other text. Source: producersync-api 1. */
export function parseNpn(text: string): Npn | undefined {
  return NPN.test(text) ? (text as Npn) : undefined
}

/** How an NPN came into a population. */
export const sources = ['preloaded', 'post', 'put', 'read'] as const
export type Source = (typeof sources)[number]
