import { Recorder } from '#src/delivery/recorder.ts'

/** Every third outcome is taken for written. */
const EVERY = 3

/** A recorder that loses outcomes: their deliveries stay pending, and nobody knows them any more. */
export function forgetOutcomes(): void {
  const prototype: { add: (this: Recorder, ...added: Parameters<Recorder['add']>) => void } = Recorder.prototype
  const { add } = prototype
  let added = 0
  prototype.add = function addSome(record, changesEndpoint) {
    added += 1
    if (added % EVERY !== 0) add.call(this, record, changesEndpoint)
  }
}
