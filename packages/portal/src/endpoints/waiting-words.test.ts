import { expect, test } from 'vitest'
import { endpointText } from '#src/text-endpoints.ts'

const { disableEffect, deleteEffect } = endpointText.endpoints.acts

test.each([
  [null, 'Deliveries that wait for it are cancelled.'],
  [0, 'No delivery waits for it.'],
  [1, '1 waiting delivery is cancelled.'],
  [999, '999 waiting deliveries are cancelled.'],
  [1_000, '1,000+ waiting deliveries are cancelled.'],
])('of %s deliveries that wait, the dialog before disabling says: %s', (waiting, said) => {
  expect(disableEffect(waiting).startsWith(`${said} New events`)).toBe(true)
})

test('what is counted to a bound is said with it, also before deleting', () => {
  expect(deleteEffect(1_000).startsWith('1,000+ waiting deliveries are cancelled. Its secrets')).toBe(true)
})
