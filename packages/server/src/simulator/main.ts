import { createInterface } from 'node:readline'
import { DatabaseClock } from '#src/adapters/clock.ts'
import { startSimulatorServer } from './simulator-server.ts'

// The simulator as a process: reads its control token as the first line of stdin, says where it listens in the first line of
// stdout, and ends when stdin does: that is when its parent has gone, also after kill -9.
const input = createInterface(process.stdin)
input.once('line', (controlToken) => {
  void startSimulatorServer({ clock: new DatabaseClock(), controlToken }).then(({ url }) =>
    process.stdout.write(`${url}\n`),
  )
})
input.once('close', () => process.exit(0))
// a signal to the whole group is for the parent to act on
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
