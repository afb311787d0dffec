import { readdirSync, readFileSync } from 'node:fs'

/** CPU time used so far, in ms: user and system together. */
export type CpuReading = { service: number; postgres: number; sink: number; publisher: number; machine: number }

/** Linux counts in hundredths of a second for programs, whatever the kernel's own tick is. */
const TICK_MS = 10
const USER = 11
const SYSTEM = 12
const CHILDREN_USER = 13
const CHILDREN_SYSTEM = 14
const PARENT = 1
const RSS_PAGES = 21
const PAGE_BYTES = 4_096

/** @param pids  `service`: of the process below which the database is; `workers`: of others that belong to the service */
export function readCpu(pids: { service: number; workers: number[]; sink: number; publisher: number }): CpuReading {
  return {
    service: [pids.service, ...pids.workers].reduce((sum, pid) => sum + ownMs(pid), 0),
    postgres: treeMs(pids.service),
    sink: ownMs(pids.sink),
    publisher: ownMs(pids.publisher),
    machine: machineMs(),
  }
}

export function ownMs(pid: number): number {
  return sumOf(statOf(pid), [USER, SYSTEM])
}

/** Time on a processor so far, in µs: the kernel counts it in ns for each process. */
export function onCpuUs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1_000
}

export function rssBytes(pid: number): number {
  return (statOf(pid)[RSS_PAGES] ?? 0) * PAGE_BYTES
}

/** All below a process: the guard of its PostgreSQL, the server and its backends, those that have ended included. */
function treeMs(pid: number): number {
  const stats = readdirSync('/proc').flatMap((name) =>
    /^\d+$/.test(name) ? [{ pid: Number(name), stat: statOf(Number(name)) }] : [],
  )
  let sum = 0
  const below = [pid]
  for (let parent = below.pop(); parent !== undefined; parent = below.pop()) {
    for (const { pid: child, stat } of stats) {
      if (stat[PARENT] !== parent) continue
      sum += sumOf(stat, [USER, SYSTEM, CHILDREN_USER, CHILDREN_SYSTEM])
      below.push(child)
    }
  }
  return sum
}

/** The fields behind the name of the program; none for a process that has ended. */
function statOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
  } catch {
    return []
  }
}

function sumOf(stat: readonly number[], fields: readonly number[]): number {
  return fields.reduce((sum, field) => sum + (stat[field] ?? 0), 0) * TICK_MS
}

/** Everything that was not idle, on all cores, time that another machine took included. */
function machineMs(): number {
  const [, ...fields] = (readFileSync('/proc/stat', 'latin1').split('\n')[0] ?? '').split(/\s+/).map(Number)
  const [user = 0, nice = 0, system = 0, , , interrupts = 0, soft = 0, steal = 0] = fields
  return (user + nice + system + interrupts + soft + steal) * TICK_MS
}
