import { deliveryText } from '#src/text-deliveries.ts'
import { Time } from '#src/time/time.tsx'

/** From one moment to another. */
export function Window({ from, to }: { from: string; to: string }) {
  return (
    <>
      <Time at={from} />
      {deliveryText.replay.dash}
      <Time at={to} />
    </>
  )
}
