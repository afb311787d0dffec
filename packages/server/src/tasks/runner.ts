import type { Logger } from 'pino'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { TransactionOptions } from '#src/adapters/postgres/database.ts'
import { DatabaseBusy, DatabaseUnavailable, type Queryable } from '#src/adapters/postgres/database.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import type { LaneName } from '#src/delivery/lanes.ts'
import { announceEnd } from './end.ts'
import { holdTask, leaseTasks, releaseTasks, saveStep } from './store.ts'
import { failedStep, TASK_KINDS, type Task, type TaskKind, type TaskStep, type TaskWork } from './task.ts'

/** A `Database`, or in tests one that fails where it is told to. */
export type TaskDatabase = Queryable & {
  transaction<T>(options: TransactionOptions, work: (tx: Queryable) => Promise<T>): Promise<T>
}

export type TaskRunnerParts = {
  database: TaskDatabase // role `worker`
  clock: Clock
  ids: IdSource
  works: Readonly<Partial<Record<TaskKind, TaskWork>>>
  /** Told of planned deliveries once they are committed: `Waker.lanes`. */
  wakeLanes: (names: readonly LaneName[]) => void
  log: Pick<Logger, 'info' | 'warn' | 'error'>
  /** How long a task that nobody goes on with stays with this runner; default 5,000. */
  leaseMs?: number
}

const STEPS_AT_ONCE = 2
const HELD_MAX = 1_000
const LEASE_MS = 5_000
/** How late another process's task is noticed, or that of a process that has died. */
const POLL_MS = 500
/** A task whose steps have failed for this long will not come further. */
const STALLED_MS = 3_600_000

type Held = { id: string; alarm: { cancel(): void } | null }

/**
 * Brings tasks further, step by step, of each account one task at a time; tasks take turns. Any number of runners share the
 * work. A step is one transaction: its effects, the cursor and the counters commit together or not at all, and all it
 * goes by is read in it under the lock of the task's row. So whatever dies when, nothing is treated twice.
 */
export class TaskRunner {
  readonly #parts: TaskRunnerParts
  readonly #kinds: readonly TaskKind[]
  readonly #leaseMs: number
  readonly #held = new Map<string, Held>()
  readonly #stepping = new Set<Promise<void>>()
  #queue: Held[] = []
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | null = null
  #lookAgain = false
  #closed = false
  #settledWaiters: (() => void)[] = []

  constructor(parts: TaskRunnerParts) {
    this.#parts = parts
    this.#kinds = TASK_KINDS.filter((kind) => parts.works[kind] !== undefined)
    this.#leaseMs = parts.leaseMs ?? LEASE_MS
  }

  /** Leases run on the database's real time, and so does this timer, whatever `clock` says. */
  start(): void {
    this.#timer = setInterval(() => this.wake(), POLL_MS)
    this.wake()
  }

  /** A task may be there: call it after one has been started. */
  wake(): void {
    if (this.#closed) return
    this.#lookAgain = true
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null
      this.#notifySettled()
    })
  }

  /** Ends after the steps under way, and leaves the tasks to others. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    for (const held of this.#held.values()) held.alarm?.cancel()
    await Promise.all([this.#looking, ...this.#stepping])
    try {
      await releaseTasks(this.#parts.database, [...this.#held.keys()])
    } catch (error) {
      this.#parts.log.warn({ event: 'task.leases_kept', reason: reasonOf(error) }) // they pass by themselves
    }
  }

  get isSettled(): boolean {
    return this.#looking === null && this.#queue.length === 0 && this.#stepping.size === 0
  }

  /** Resolves when no task can come further before the clock does. */
  async settled(): Promise<void> {
    while (!this.isSettled) await new Promise<void>((resolve) => this.#settledWaiters.push(resolve))
  }

  async #look(): Promise<void> {
    try {
      while (this.#lookAgain && !this.#closed && this.#held.size < HELD_MAX) {
        this.#lookAgain = false
        const room = HELD_MAX - this.#held.size
        for (const id of await leaseTasks(this.#parts.database, this.#kinds, this.#leaseMs, room)) this.#take(id)
      }
    } catch (error) {
      this.#parts.log.warn({ event: 'task.lease_failed', reason: reasonOf(error) })
    }
  }

  #take(id: string): void {
    if (this.#held.has(id)) return
    const held: Held = { id, alarm: null }
    this.#held.set(id, held)
    this.#enqueue(held)
  }

  #enqueue(held: Held): void {
    held.alarm = null
    this.#queue.push(held)
    this.#pump()
  }

  #pump(): void {
    while (this.#stepping.size < STEPS_AT_ONCE && !this.#closed) {
      const held = this.#queue.shift()
      if (!held) break
      const step = this.#step(held).finally(() => {
        this.#stepping.delete(step)
        this.#pump()
      })
      this.#stepping.add(step)
    }
    this.#notifySettled()
  }

  async #step(held: Held): Promise<void> {
    try {
      const step = await this.#advance(held.id)
      if (step === null) {
        this.#held.delete(held.id)
      } else if (step.next.kind === 'now') {
        this.#queue.push(held)
      } else if (step.next.kind === 'later') {
        held.alarm = this.#parts.clock.alarm(step.next.at, () => this.#enqueue(held))
      } else {
        this.#held.delete(held.id)
        this.#parts.log.info({ event: 'task.ended', taskId: held.id, status: step.next.kind })
        this.wake() // the account's next task
      }
    } catch (error) {
      // the lease is left to pass: that is the pause before somebody tries again
      this.#held.delete(held.id)
      this.#parts.log.warn({ event: 'task.step_failed', taskId: held.id, reason: reasonOf(error) })
      if (!(error instanceof DatabaseUnavailable || error instanceof DatabaseBusy)) await this.#endStalled(held.id)
    }
  }

  /** @returns null when the task has ended, or somebody else is at it */
  async #advance(id: string): Promise<TaskStep | null> {
    const { database, clock, works, wakeLanes } = this.#parts
    const step = await database.transaction({}, async (tx) => {
      const task = await holdTask(tx, id)
      const work = task && works[task.kind]
      if (!task || !work) return null
      const now = clock.now()
      const made = await work(tx, task, now)
      const announced = await this.#save(tx, task, made, now)
      return { ...made, lanes: [...made.lanes, ...announced] }
    })
    if (step && step.lanes.length > 0) wakeLanes(step.lanes)
    return step
  }

  /** @returns where operators are to hear of the task's end */
  async #save(tx: Queryable, task: Task, step: TaskStep, now: Date): Promise<LaneName[]> {
    const { status, data } = await saveStep(tx, task.id, step, this.#leaseMs, now)
    return status === 'running' ? [] : await announceEnd(tx, { ...task, status, data }, this.#parts)
  }

  /** What fails again and again for an hour is a defect of ours; it must not hold up the account's other tasks for ever. */
  async #endStalled(id: string): Promise<void> {
    const { database, clock, wakeLanes, log } = this.#parts
    try {
      const announced = await database.transaction({}, async (tx) => {
        const task = await holdTask(tx, id)
        const now = clock.now()
        if (!task || now < addMs(task.updatedAt, STALLED_MS)) return []
        log.error({ event: 'task.stalled', taskId: id })
        return await this.#save(tx, task, failedStep(task, 'stalled'), now)
      })
      if (announced.length > 0) wakeLanes(announced)
    } catch (error) {
      log.warn({ event: 'task.step_failed', taskId: id, reason: reasonOf(error) })
    }
  }

  #notifySettled(): void {
    if (!this.isSettled || this.#settledWaiters.length === 0) return
    const waiters = this.#settledWaiters
    this.#settledWaiters = []
    for (const resolve of waiters) resolve()
  }
}
