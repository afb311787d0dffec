import { execFileSync, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const BYTES = 2 * 1024 ** 3
const TRIAL_BYTES = 16 * 1024 ** 2
const CHUNK = Buffer.alloc(64 * 1024)
const SPARED_BYTES = 4 * 1024 ** 2
const END_MS_MAX = 10_000
const LOOK_MS = 20
/** Each stall of a slow disk, and the moment between two in which what waits gets through. */
const STALL_MS = 100
const GAP_MS = 20
/** `EXT4_IOC_SHUTDOWN` with `EXT4_GOING_FLAGS_NOLOGFLUSH`: from now on nothing reaches the disk, neither data nor journal. */
const CUT = 'open(my $d, "<", $ARGV[0]) or die "$!"; ioctl($d, 0x8004587D, my $how = pack("L", 2)) or die "$!"'

/** Why this machine gives no disk of our own; null: it does. */
export function whyNoDisk(): string | null {
  if (process.getuid?.() !== 0) return 'only root may mount a file system'
  const folder = mkdtempSync(join(tmpdir(), 'producersync-disk-'))
  const disk = new Disk(join(folder, 'image'), join(folder, 'mounted'), TRIAL_BYTES)
  try {
    disk.mount()
    disk.cutPower()
    return null
  } catch (error) {
    return `no file system of its own: ${error instanceof Error ? error.message.trim().split('\n').at(-1) : String(error)}`
  } finally {
    disk.unmount()
    rmSync(folder, { recursive: true, force: true })
  }
}

/**
 * A disk whose power can be cut (reliability-security, R5): ext4 in a file. What was not synced is gone then, as after a real cut. All calls
 * block, so that whoever restarts what ran on it comes to that when the disk is back.
 */
export class Disk {
  readonly #image: string
  readonly #folder: string
  #stalls: NodeJS.Timeout | undefined

  /** @param folder  where it is mounted */
  constructor(image: string, folder: string, bytes = BYTES) {
    this.#image = image
    this.#folder = folder
    closeSync(openSync(image, 'w'))
    truncateSync(image, bytes)
    mkdirSync(folder, { recursive: true })
  }

  /** Makes the file system. */
  mount(): void {
    run('mkfs.ext4', '-q', '-F', '-m', '0', this.#image)
    this.#attach()
  }

  /** All that is on it is to outlive a cut. */
  sync(): void {
    run('sync', '-f', this.#folder)
  }

  /** @returns whether something that was not synced is gone: a cut that takes nothing away proves nothing */
  cutPower(): boolean {
    this.heal()
    const file = join(this.#folder, 'unsynced')
    writeFileSync(file, CHUNK)
    run('perl', '-e', CUT, this.#folder)
    endAllIn(this.#folder)
    if (!this.#detach()) throw new Error(`${this.#folder} stays in use`)
    this.#attach()
    const left = readOrEmpty(file)
    rmSync(file, { force: true })
    return left.length === 0
  }

  /** Leaves not a block to anybody. */
  fill(): void {
    const { bavail, bsize } = statfsSync(this.#folder)
    const bytes = bavail * bsize - SPARED_BYTES
    if (bytes > 0) run('fallocate', '-l', String(bytes), join(this.#folder, 'ballast'))
    try {
      for (;;) appendFileSync(join(this.#folder, 'ballast'), CHUNK)
    } catch {
      // it is full
    }
  }

  /** Every write waits, again and again. */
  stall(): void {
    const freeze = () => {
      spawnSync('fsfreeze', ['--freeze', this.#folder])
      this.#stalls = setTimeout(thaw, STALL_MS)
    }
    const thaw = () => {
      spawnSync('fsfreeze', ['--unfreeze', this.#folder])
      this.#stalls = setTimeout(freeze, GAP_MS)
    }
    freeze()
  }

  /** There is room, and nothing waits. */
  heal(): void {
    if (this.#stalls) spawnSync('fsfreeze', ['--unfreeze', this.#folder])
    clearTimeout(this.#stalls)
    this.#stalls = undefined
    rmSync(join(this.#folder, 'ballast'), { force: true })
  }

  unmount(): void {
    this.heal()
    this.#detach()
  }

  #attach(): void {
    run('mount', '-o', 'loop', this.#image, this.#folder)
  }

  #detach(): boolean {
    return within(END_MS_MAX, () => spawnSync('umount', [this.#folder], { stdio: 'ignore' }).status === 0)
  }
}

/** Kills whatever works in the folder, and waits until it has gone. */
function endAllIn(folder: string): void {
  within(END_MS_MAX, () => {
    const inside = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && workplaceOf(name).startsWith(folder))
    for (const name of inside) {
      try {
        process.kill(Number(name), 'SIGKILL')
      } catch {
        // it has ended meanwhile
      }
    }
    return inside.length === 0
  })
}

function workplaceOf(processId: string): string {
  try {
    return readlinkSync(`/proc/${processId}/cwd`)
  } catch {
    return '' // it has ended
  }
}

function readOrEmpty(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch {
    return Buffer.alloc(0)
  }
}

/** Blocks until `done` says so, or the time is over. @returns whether it did */
function within(msMax: number, done: () => boolean): boolean {
  const deadlineMs = performance.now() + msMax
  while (!done()) {
    if (performance.now() > deadlineMs) return false
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_MS)
  }
  return true
}

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
