import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import type { RawSearch } from '#src/address/search.ts'
import type { View } from '#src/api/queries.ts'
import { ApiError } from '#src/api/request.ts'

const PLACE = /^(iterator|continuationToken)\b/

/** Whether a list was refused for the place in it at which it was to begin. */
export function isOfPlace(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false
  return [error.message, ...error.faults.map(({ loc }) => String(loc.at(-1)))].some((text) => PLACE.test(text))
}

/**
 * A place in a list that the service does not take is left out of the address, and the list begins at its top.
 * @returns `isLeaving`: it is on its way there; `isLost`: it has come there, which the reader is told
 */
export function useLostPlace(view: View<unknown>): { isLeaving: boolean; isLost: boolean } {
  const navigate = useNavigate()
  const { cursor }: RawSearch = useSearch({ strict: false })
  const [isLost, setLost] = useState(false)
  const isLeaving = cursor !== undefined && view.kind === 'failed' && isOfPlace(view.error)
  useEffect(() => {
    if (!isLeaving) return
    setLost(true)
    void navigate({ to: '.', search: (before: RawSearch) => ({ ...before, cursor: undefined }), replace: true })
  }, [isLeaving, navigate])
  return { isLeaving, isLost: isLost && cursor === undefined }
}
