import type { Session } from '@producersync/server/contract'
import { useSyncExternalStore } from 'react'
import { text } from '#src/text.ts'

export type Look = Session['grants'][number]['look']

const COLOUR = /^#[0-9a-f]{6}$/
const CARD_PER_CONTROL = 1.6
const BADGE_MAX = 4
const NAMES = ['accent', 'on-accent', 'accent-soft', 'radius-control', 'radius-card', 'radius-badge'] as const

let shown: Look | null = null
const listeners = new Set<() => void>()

/**
 * Draws the pages in an account's accent and corners. Its values are set one by one, as values of properties: none of them can
 * become a rule of its own.
 * @param look  null: as the product comes
 */
export function showLook(look: Look | null): void {
  const values = look ? tokensOf(look) : {}
  for (const name of NAMES) {
    const value = values[name]
    if (value === undefined) document.documentElement.style.removeProperty(`--${name}`)
    else document.documentElement.style.setProperty(`--${name}`, value)
  }
  shown = look
  for (const listener of listeners) listener()
}

/** Custom properties of a look; what it leaves open is absent, and so is what is no colour. */
export function tokensOf({ radius, colours }: Look): Partial<Record<(typeof NAMES)[number], string>> {
  const tokens: Partial<Record<(typeof NAMES)[number], string>> = {}
  if (colours) {
    const { light, dark } = colours
    if ([...Object.values(light), ...Object.values(dark)].every((value) => COLOUR.test(value))) {
      tokens.accent = `light-dark(${light.accent}, ${dark.accent})`
      tokens['on-accent'] = `light-dark(${light.onAccent}, ${dark.onAccent})`
      tokens['accent-soft'] = `light-dark(${light.accentSoft}, ${dark.accentSoft})`
    }
  }
  if (radius !== null && Number.isInteger(radius)) {
    tokens['radius-control'] = `${radius}px`
    tokens['radius-card'] = `${Math.round(radius * CARD_PER_CONTROL)}px`
    tokens['radius-badge'] = `${Math.min(radius, BADGE_MAX)}px`
  }
  return tokens
}

/** What the portal is called: by the account, the operator, or as the product is. */
export function useProductName(): string {
  return (
    useSyncExternalStore(
      (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      () => shown?.name,
    ) ?? text.product
  )
}
