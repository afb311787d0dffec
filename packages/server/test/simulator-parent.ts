import { startSimulator } from '#src/simulator/simulator-process.ts'

// A parent that a test can kill: it starts a simulator, says where, and stays.
const { url } = await startSimulator()
process.stdout.write(`${url}\n`)
setInterval(() => {}, 60_000)
